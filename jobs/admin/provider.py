from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib import admin
from django.db.models import Case, QuerySet, TextField, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_stubs_ext import StrOrPromise

from jobs.admin import display
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.history import acts_on
from jobs.ai import chain, circuits
from jobs.models import ProviderDay, ProviderState
from jobs.models.columns import ClockTimestamp

#: How a state looks, and its words.
_STATES: Final = {
    "answering": ("running", _("answering")),
    "trying": ("paused", _("one call tries")),
    "limited": ("paused", _("left alone")),
    "open": ("open", _("not asked")),
}


@admin.register(ProviderState)
class ProviderAdmin(ActingAdmin):
    """Who writes summaries, and whether they are asked at present. Nobody is here who has never been asked."""

    nothing_yet = _("None has been asked yet. With GROQ_API_KEY or ANTHROPIC_API_KEY set, the next summary asks one.")
    list_display = ("name", "condition", "failures", "last_error_code", "last_error", "last_answer", "spent")
    acts = (
        Act(
            "reset",
            _("Ask again"),
            _(
                "What is known of its failures and waits is forgotten, and the next job asks it. "
                "If it still fails, it is left alone again after some calls."
            ),
            circuits.reset,
            _("The provider is asked again."),
            offered=lambda provider: provider.state != "answering" or provider.failures > 0,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.detail_queryset()

    def detail_queryset(self) -> QuerySet[Any]:
        now = ClockTimestamp()
        return ProviderState.objects.annotate(
            state=Case(
                When(limited_until__gt=now, then=Value("limited")),
                When(open_until__gt=now, then=Value("open")),
                When(open_until__isnull=False, then=Value("trying")),
                default=Value("answering"),
                output_field=TextField(),
            )
        )

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        model = next((model for model in chain.configured() if model.name == obj.name), None)
        calls = reverse("admin:jobs_providercall_changelist")
        facts: dict[StrOrPromise, Any] = {
            _("Model"): model.model if model else _("none: it is not configured here"),
            _("Failures in a row"): f"{obj.failures:,}",
            _("Not asked until"): display.exact(obj.open_until) if obj.open_until else None,
            _("Left alone until"): display.exact(obj.limited_until) if obj.state == "limited" else None,
            _("Last failure"): obj.last_error_code,
            _("It was"): display.exact(obj.last_error_at),
            _("Last answer"): display.exact(obj.last_answer_at),
            **{_today_words(day): _words(day) for day in _today(obj.name)},
            _("Calls"): format_html('<a href="{}?provider={}">{}</a>', calls, obj.name, _("list them")),
        }
        return {
            **super().detail(request, obj),
            "state": self.condition(obj),
            "facts": display.facts(facts),
            "history": acts_on(obj.name),
        }

    @admin.display(description=_("state"))
    def condition(self, provider: Any) -> SafeString:
        return display.badge(*_STATES[provider.state])

    @admin.display(description=_("last failure"))
    def last_error(self, provider: ProviderState) -> SafeString:
        return display.moment(provider.last_error_at)

    @admin.display(description=_("last answer"))
    def last_answer(self, provider: ProviderState) -> SafeString:
        return display.moment(provider.last_answer_at)

    @admin.display(description=_("spent today"))
    def spent(self, provider: ProviderState) -> str:
        return dollars(sum((day.cost for day in _today(provider.name)), Decimal(0)))


def dollars(amount: Decimal) -> str:
    """Say an amount with the figures that it has, which may be far below a cent."""
    return f"${amount:.2f}" if amount == 0 or amount >= 1 else f"${amount:.6f}"


def _today(provider: str) -> list[ProviderDay]:
    today = datetime.now(UTC).date()
    return list(ProviderDay.objects.filter(day=today, provider=provider).order_by("outcome"))


def _today_words(day: ProviderDay) -> str:
    return _("Today, {outcome}").format(outcome=day.outcome)


def _words(day: ProviderDay) -> str:
    phrases = [ngettext("%(count)s call", "%(count)s calls", day.calls) % {"count": f"{day.calls:,}"}]
    if day.input_tokens or day.output_tokens:
        phrases.append(_("{sent} + {got} tokens").format(sent=f"{day.input_tokens:,}", got=f"{day.output_tokens:,}"))
    if day.cost:
        phrases.append(dollars(day.cost))
    if day.calls and day.seconds:
        phrases.append(_("{span} each").format(span=display.span(day.seconds / day.calls)))
    return ", ".join(phrases)

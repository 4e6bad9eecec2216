from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.uuid7 import first_uuid7
from jobs.admin import display
from jobs.admin.facts import FactsAdmin, anchor
from jobs.admin.filters import Choices, FixedFilter, WindowFilter
from jobs.admin.provider import dollars
from jobs.ai.chain import MODELS
from jobs.models import ProviderCall
from jobs.speech.paying import PROVIDER as SPEECH


class ProviderFilter(FixedFilter):
    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(name, name) for name in (*MODELS, SPEECH)]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(provider=value)


class RecentOutcomeFilter(FixedFilter):
    """An outcome of the last day: some are so rare that to look for them further back would read everything."""

    title = _("outcome, last 24 hours")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(outcome.value, str(outcome.label)) for outcome in ProviderCall.Outcome]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(outcome=value, id__gte=first_uuid7(now() - timedelta(days=1)))


@admin.register(ProviderCall)
class ProviderCallAdmin(FactsAdmin):
    nothing_yet = _("Nothing has been asked yet.")
    list_display = ("when", "provider", "purpose", "result", "error_code", "took", "tokens", "price", "job")
    list_display_links = ("when",)
    list_filter = (WindowFilter, ProviderFilter, RecentOutcomeFilter)

    def detail_queryset(self) -> QuerySet[Any]:
        return ProviderCall.objects.select_related("user")

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            # A speech server has no circuit.
            _("Provider"): anchor("providerstate", obj.provider, obj.provider)
            if obj.provider in MODELS
            else obj.provider,
            _("Model"): obj.model,
            _("Purpose"): obj.purpose,
            _("User"): obj.user,
            _("Job"): self.job(obj),
            _("Made"): display.exact(obj.created_at),
            _("Took"): self.took(obj),
            _("Tokens"): self.tokens(obj),
            _("Cost"): self.price(obj),
            _("Put aside before"): dollars(obj.reserved),
            _("Error"): obj.error_code,
        }
        return {**super().detail(request, obj), "state": self.result(obj), "facts": display.facts(facts)}

    @admin.display(description=_("when"))
    def when(self, call: ProviderCall) -> SafeString:
        return display.moment(call.created_at)

    @admin.display(description=_("outcome"))
    def result(self, call: ProviderCall) -> SafeString:
        outcome = ProviderCall.Outcome(call.outcome)
        if outcome in {outcome.ANSWERED, outcome.RUNNING}:
            return display.badge("completed" if outcome is outcome.ANSWERED else "running", str(outcome.label))
        return display.badge("failed", str(outcome.label))

    @admin.display(description=_("took"))
    def took(self, call: ProviderCall) -> str:
        return display.span(call.seconds)

    @admin.display(description=_("tokens"))
    def tokens(self, call: ProviderCall) -> str:
        return f"{call.input_tokens:,} + {call.output_tokens:,}"

    @admin.display(description=_("cost"))
    def price(self, call: ProviderCall) -> str:
        return dollars(call.cost)

    @admin.display(description=_("job"))
    def job(self, call: ProviderCall) -> SafeString:
        return anchor("job", call.job_id, display.key(call.job_id)) if call.job_id else display.NOTHING

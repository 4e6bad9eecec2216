from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from jobs.admin import display
from jobs.admin.facts import FactsAdmin, anchor
from jobs.admin.filters import Choices, FixedFilter, WindowFilter
from jobs.admin.verdicts import reasons, verdict
from jobs.models import Summary

_VERDICTS = {
    "accepted": (_("Accepted"), True),
    "refused": (_("Refused"), False),
    "open": (_("Not judged yet"), None),
}


class VerdictFilter(FixedFilter):
    title = _("verdict")
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(value, str(label)) for value, (label, _accepted) in _VERDICTS.items()]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        accepted = _VERDICTS[value][1]
        return rows.filter(accepted__isnull=True) if accepted is None else rows.filter(accepted=accepted)


class ProviderFilter(FixedFilter):
    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(name, name) for name in ("groq", "claude", "extractive")]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(provider=value)


@admin.register(Summary)
class SummaryAdmin(FactsAdmin):
    list_display = ("key", "beginning", "verdict", "provider", "length", "language", "cost", "created")
    list_filter = (VerdictFilter, ProviderFilter, WindowFilter)
    search_fields = ("id__exact",)
    search_help_text = _("A whole id.")
    detail_template = "jobs/summary.html"

    def detail_queryset(self) -> QuerySet[Any]:
        return Summary.objects.select_related("article", "user").defer("article__text", "article__html")

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        sent, got = f"{obj.input_tokens:,}", f"{obj.output_tokens:,}"
        tokens = _("{sent} in, {got} out").format(sent=sent, got=got) if obj.output_tokens else ""
        facts = {
            _("Article"): anchor("article", obj.article_id, str(obj.article)),
            _("Provider"): f"{obj.provider} {obj.model}".strip(),
            _("Length"): obj.length,
            _("Language"): obj.language,
            _("Tokens"): tokens,
            _("Cost"): f"{obj.cost} $" if obj.cost else "",
            _("Job"): anchor("job", obj.job_id, obj.job_id) if obj.job_id else "",
            _("Owner"): obj.user,
            _("Written"): display.exact(obj.created_at),
        }
        return {
            **super().detail(request, obj),
            "state": verdict(obj),
            "facts": display.facts(facts),
            "reasons": reasons(obj),
        }

    @admin.display(description=_("id"))
    def key(self, summary: Summary) -> SafeString:
        return display.key(summary.pk)

    @admin.display(description=_("text"))
    def beginning(self, summary: Summary) -> str:
        return display.short(summary.text, 80)

    @admin.display(description=_("verdict"))
    def verdict(self, summary: Summary) -> SafeString:
        return verdict(summary)

    @admin.display(description=_("created"))
    def created(self, summary: Summary) -> SafeString:
        return display.moment(summary.created_at)

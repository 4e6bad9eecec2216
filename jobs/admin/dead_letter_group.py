from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs import catalogue, dead_letter_groups
from jobs.admin import dead_letter_group_page, dead_letter_page, display
from jobs.admin.acts import ActingAdmin
from jobs.admin.dead_letter_acts import GROUP, LETTER
from jobs.admin.dead_letter_filters import (
    AssigneeFilter,
    DeskFilter,
    ErrorClassFilter,
    QueueOfGroupFilter,
    TypeOnTheDeskFilter,
)
from jobs.admin.filters import LastSeenFilter
from jobs.admin.history import acts_on
from jobs.admin.keeping import Verbs, keep, kept
from jobs.dead_letter_trends import Trend, trend
from jobs.models import DeadLetterGroup
from jobs.statuses import GroupStatus

#: What is saved straight from the page.
KEPT: Final[Verbs] = {
    "assignee": dead_letter_groups.assign,
    "ticket": dead_letter_groups.link,
    "notes": dead_letter_groups.annotate,
}
#: Acts on all open letters of the group, in the order of their buttons.
ON_LETTERS: Final = ("redrive", "resolve", "discard")


@admin.register(DeadLetterGroup)
class DeadLetterGroupAdmin(ActingAdmin):
    """The desk: dead letters grouped by what went wrong, counted by the database as they come and go."""

    live = True
    list_display = ("waiting", "what", "growth", "affected", "last_seen", "whose")
    list_display_links = None
    list_filter = (
        DeskFilter,
        AssigneeFilter,
        TypeOnTheDeskFilter,
        QueueOfGroupFilter,
        ErrorClassFilter,
        LastSeenFilter,
    )
    list_select_related = ("assignee",)
    search_fields = ("error_message",)
    search_help_text = _("A text of the error's class or message.")
    detail_template = "jobs/dead_letter_group.html"
    acts = GROUP

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.keep_view)
        return [path("<path:object_id>/keep/", view, name="jobs_deadlettergroup_keep"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).order_by("-last_seen_at", "pk")

    def detail_queryset(self) -> QuerySet[Any]:
        return DeadLetterGroup.objects.select_related("assignee")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.replace("\x00", "").strip()
        return (queryset.saying(text) if text else queryset), False  # type: ignore[attr-defined]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": gettext("Dead letters by error"), **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        trends = trend(group.pk for group in changes.result_list)
        for group in changes.result_list:
            group.trend = trends[group.pk]
        return changes

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        growing = trend([obj.pk])[obj.pk]
        return {
            **super().detail(request, obj),
            "trend": growing,
            "chart": dead_letter_group_page.large(growing),
            "facts": self.facts(obj, growing),
            "newest": dead_letter_group_page.newest(obj.pk),
            "traits": dead_letter_group_page.traits(obj.pk),
            "letters": dead_letter_group_page.sample(obj),
            "operations": dead_letter_group_page.operations(obj.pk),
            "history": acts_on(obj.pk),
            "known_type": catalogue.is_known(obj.job_type),
            "keep_form": kept(obj, obj.note),
            "ticket": dead_letter_page.ticket(obj.ticket),
            "many": self.on_letters(request, obj),
        }

    def on_letters(self, request: HttpRequest, group: Any) -> list[tuple[Any, str]]:
        """Give the acts on all open letters of the group, each with the address of its question."""
        if not (group.open_count and self.has_act_permission(request)):
            return []
        acts = {act.name: act for act in LETTER}
        many = {name: reverse("admin:jobs_deadletter_many", args=[name]) for name in ON_LETTERS}
        return [(acts[name], f"{address}?group={group.pk}") for name, address in many.items()]

    def facts(self, group: Any, growing: Trend) -> list[tuple[str, Any]]:
        return display.facts(
            {
                gettext("On the desk"): f"{group.open_count:,}",
                gettext("In all"): f"{group.total_count:,}",
                gettext("This hour"): f"{growing.hour:,}",
                gettext("24 hours"): f"{growing.day:,}",
                gettext("7 days"): f"{growing.week:,}",
                gettext("First seen"): display.exact(group.first_seen_at),
                gettext("Last seen"): display.exact(group.last_seen_at),
                gettext("Muted until"): display.exact(group.muted_until),
            }
        )

    def page(self, request: HttpRequest, template: str, obj: Any, **context: Any) -> TemplateResponse:
        if obj is not None:
            context = {
                **context,
                "state": display.badge(obj.status, obj.get_status_display()),
                "keep_url": reverse("admin:jobs_deadlettergroup_keep", args=[obj.pk]),
                "letters_url": f"{reverse('admin:jobs_deadletter_changelist')}?group={obj.pk}",
            }
        return super().page(request, template, obj, **context)

    def keep_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Save whose the group is, its ticket and its note."""
        return keep(self, request, object_id, KEPT)

    @admin.display(description=_("error"))
    def what(self, group: DeadLetterGroup) -> SafeString:
        state = display.badge(group.status, group.get_status_display()) if group.status != GroupStatus.OPEN else ""
        return format_html(
            '<a class="group" href="{}"><strong>{}</strong><span>{}</span></a>'
            '<span class="group-of"><code>{}</code> {}</span>',
            self.url(group.pk),
            group.error_class or gettext("No error class"),
            display.short(group.error_message, 160),
            group.job_type,
            state,
        )

    @admin.display(description=_("open"))
    def waiting(self, group: DeadLetterGroup) -> SafeString:
        return format_html(
            '<b class="{}">{}</b><small class="quiet">{}</small>',
            "count" if group.open_count else "count none",
            f"{group.open_count:,}",
            gettext("of %(total)s") % {"total": f"{group.total_count:,}"},
        )

    @admin.display(description=_("7 days"))
    def growth(self, group: Any) -> SafeString:
        return format_html(
            '<span class="growth">{}<small class="quiet">{}</small></span>',
            dead_letter_group_page.small(group.trend),
            gettext("%(hour)s this hour · %(day)s in 24 h")
            % {"hour": f"{group.trend.hour:,}", "day": f"{group.trend.day:,}"},
        )

    @admin.display(description=_("users"))
    def affected(self, group: DeadLetterGroup) -> str:
        return dead_letter_group_page.users(group.user_count) if group.user_count else ""

    @admin.display(description=_("last"))
    def last_seen(self, group: DeadLetterGroup) -> SafeString:
        return format_html(
            '{}<small class="quiet">{} {}</small>',
            display.moment(group.last_seen_at),
            gettext("since"),
            display.moment(group.first_seen_at),
        )

    @admin.display(description=_("looked after by"))
    def whose(self, group: DeadLetterGroup) -> str:
        return str(group.assignee or "")

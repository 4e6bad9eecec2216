from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.timezone import now

from accounts.uuid7 import first_uuid7
from jobs import sessions
from jobs.admin import display, documents
from jobs.admin.acts import Act, ActingAdmin
from jobs.admin.filters import WINDOWS, Choices, FixedFilter, OpenFilter, WindowFilter
from jobs.admin.history import acts_on
from jobs.admin.revealing import RevealingAdmin
from jobs.models import Function, Session
from jobs.models.session import SessionQuerySet

_DOCUMENTS = ("context", "metadata")


class ConditionFilter(FixedFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(status.value, str(status.label)) for status in Session.Status]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return cast(SessionQuerySet, rows).in_condition(value)


class FunctionFilter(OpenFilter):
    title = "function"
    parameter_name = "function"

    def names(self) -> list[str]:
        return list(Function.objects.values_list("language_title", flat=True)[:200])

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(language_title=value)


class OpenedFilter(WindowFilter):
    """When the session was opened, as a bound on its id, which begins with the time."""

    title = "opened"

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(request_id__gte=str(first_uuid7(now() - WINDOWS[value][1])))


@admin.register(Session)
class SessionAdmin(RevealingAdmin, ActingAdmin):
    secretive = ("context",)
    list_display = ("key", "language_title", "state", "owner", "opened", "ends", "execution_count", "last_executed")
    list_filter = (ConditionFilter, FunctionFilter, OpenedFilter)
    search_fields = ("request_id__exact", "user_id__exact")
    search_help_text = "A whole request id, or a whole user name."
    heavy = _DOCUMENTS
    acts = (
        Act(
            "close",
            "Close",
            "The session can be executed no more. Jobs that it has submitted go on.",
            sessions.close,
            "The session has ended.",
            danger=True,
            offered=lambda session: session.condition == Session.Status.ACTIVE,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Session.objects.with_condition().order_by("-request_id").defer(*_DOCUMENTS)

    def detail_queryset(self) -> QuerySet[Any]:
        texts = {f"{name}_text": documents.as_text(name) for name in _DOCUMENTS}
        return Session.objects.with_condition().defer(*_DOCUMENTS).annotate(**texts)

    def detail(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {
            "Function": obj.language_title,
            "Owner": obj.user_id,
            "Opened": display.exact(obj.created_at),
            "Ends": display.exact(obj.expires_at),
            "Executions": f"{obj.execution_count:,}",
            "Last executed": display.exact(obj.last_executed_at),
        }
        return {
            **super().detail(request, obj),
            "state": self.state(obj),
            "facts": display.facts(facts),
            "documents": [(name.capitalize(), self._document(obj, name)) for name in _DOCUMENTS],
            "history": acts_on(obj.pk),
        }

    def job_type_of(self, row: Any) -> str:
        name: str = row.language_title
        return name

    def _document(self, row: Any, name: str) -> documents.Document | None:
        return documents.show(self.text_of(row, name), row.language_title if name == "context" else None)

    @admin.display(description="request id")
    def key(self, session: Session) -> SafeString:
        return display.key(session.pk)

    @admin.display(description="status")
    def state(self, session: Session) -> SafeString:
        return display.badge(session.condition)

    @admin.display(description="owner")
    def owner(self, session: Session) -> str:
        return session.user_id or ""

    @admin.display(description="opened")
    def opened(self, session: Session) -> SafeString:
        return display.moment(session.created_at)

    @admin.display(description="ends")
    def ends(self, session: Session) -> SafeString:
        return display.moment(session.expires_at)

    @admin.display(description="last executed")
    def last_executed(self, session: Session) -> SafeString:
        return display.moment(session.last_executed_at)

"""Filters of the desk: fixed choices, each answered by an index of letters or of groups."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jobs.admin.filters import Choices, DefaultFilter, FixedFilter, OpenFilter, QueueFilter
from jobs.models import DeadLetterGroup
from jobs.statuses import GroupStatus, Resolution


class ResolutionFilter(DefaultFilter):
    """What lies on the desk, unless something else is asked for."""

    title = _("state")
    parameter_name = "resolution"
    default = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        words = ((word.value, str(word.label)) for word in Resolution)
        return [("waiting", gettext("On the desk")), *words, ("all", gettext("All"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "waiting":
            return rows.open()  # type: ignore[attr-defined, no-any-return]
        return rows if value == "all" else rows.filter(resolution_status=value)


class DeskFilter(DefaultFilter):
    """Groups that wait for somebody, unless others are asked for."""

    title = _("state")
    parameter_name = "state"
    default = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        words = ((word.value, str(word.label)) for word in GroupStatus)
        return [("waiting", gettext("Waiting for somebody")), *words, ("all", gettext("All"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "waiting":
            return rows.on_the_desk()  # type: ignore[attr-defined, no-any-return]
        return rows if value == "all" else rows.filter(status=value)


class AssigneeFilter(FixedFilter):
    title = _("looked after by")
    parameter_name = "assignee"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.me = request.user.pk
        super().__init__(request, *args)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("me", gettext("Me")), ("nobody", gettext("Nobody")), ("somebody", gettext("Somebody"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "me":
            return rows.filter(assignee=self.me)
        return rows.filter(assignee__isnull=value == "nobody")


class QueueOfGroupFilter(QueueFilter):
    """Groups of which a job has died in the queue."""

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.of_queue(value)  # type: ignore[attr-defined, no-any-return]


class OnTheDeskFilter(OpenFilter):
    """Words of the groups with open letters that grew last, and no others."""

    #: Of groups.
    column: str

    def names(self) -> list[str]:
        newest = DeadLetterGroup.objects.filter(open_count__gt=0).order_by("-last_seen_at")
        return [name for name in set(newest.values_list(self.column, flat=True)[:500]) if name]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(**{self.column: value})


class TypeOnTheDeskFilter(OnTheDeskFilter):
    title = _("type")
    parameter_name = "type"
    column = "job_type"


class ErrorClassFilter(OnTheDeskFilter):
    title = _("error")
    parameter_name = "error"
    column = "error_class"

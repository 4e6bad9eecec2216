"""List filters with fixed choices: none of them reads history to find out what there is to choose."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise

from accounts.uuid7 import first_uuid7
from jobs.admin.box import reading_of
from jobs.models.job import JobQuerySet
from jobs.search import known_values
from jobs.search.completing import condition
from jobs.statuses import Status

Choices = list[tuple[str, StrOrPromise]]

WINDOWS: Final = {
    "1h": (gettext_lazy("Last hour"), timedelta(hours=1)),
    "24h": (gettext_lazy("Last 24 hours"), timedelta(days=1)),
    "7d": (gettext_lazy("Last 7 days"), timedelta(days=7)),
}
OLDER: Final = {
    "older-1d": (gettext_lazy("Older than a day"), timedelta(days=1)),
    "older-7d": (gettext_lazy("Older than 7 days"), timedelta(days=7)),
}


class FixedFilter(admin.SimpleListFilter):
    """A choice among words known beforehand; any other word finds nothing, lest an act on all of it hit everything."""

    #: Whether its condition says just what `narrow` does; else it is near to that, which does to save it.
    exact = True

    def condition(self) -> str:
        """Say the choice in the language of queries over jobs; empty where there is none, or no words for it."""
        value = self.chosen()
        return "" if value is None else self.words(value)

    def words(self, value: str) -> str:
        return ""

    def chosen(self) -> str | None:
        value = self.value()
        return value if value in dict(self.lookup_choices) else None

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return self.unasked(queryset)
        value = self.chosen()
        return queryset.none() if value is None else self.narrow(queryset, value)

    def unasked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Give what is listed while nothing is chosen."""
        return rows


class StatusFilter(FixedFilter):
    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(status.value, str(status.label)) for status in Status]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return cast(JobQuerySet, rows).pending() if value == Status.PENDING else rows.filter(status=value)

    def words(self, value: str) -> str:
        return condition("status", value)


class OpenFilter(FixedFilter):
    """A choice among words known beforehand that includes one in the address, such as a type of another release."""

    def names(self) -> list[str]:
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        asked = request.GET.get(self.parameter_name or "", "").replace("\x00", "")
        return [(name, name) for name in sorted({*self.names(), *([asked] if asked else [])})]


class TypeFilter(OpenFilter):
    title = gettext_lazy("type")
    parameter_name = "type"

    def names(self) -> list[str]:
        return known_values.job_types()

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(job_type=value)

    def words(self, value: str) -> str:
        return condition("job_type", value)


class QueueFilter(OpenFilter):
    title = gettext_lazy("queue")
    parameter_name = "queue"

    def names(self) -> list[str]:
        return known_values.queues()

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(queue=value)

    def words(self, value: str) -> str:
        return condition("queue", value)


class WindowFilter(FixedFilter):
    """A time window, as a bound on the primary key."""

    title = gettext_lazy("time")
    parameter_name = "window"
    # An id may have been made by another clock than created_at.
    exact = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(value, label) for value, (label, _) in WINDOWS.items()]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(id__gte=first_uuid7(now() - WINDOWS[value][1]))

    def words(self, value: str) -> str:
        return f"created_at:>=now-{value}"


class AgeFilter(WindowFilter):
    """How long a dead letter has been lying there."""

    title = gettext_lazy("age")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(value, label) for value, (label, _) in {**WINDOWS, **OLDER}.items()]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value in OLDER:
            return rows.filter(id__lt=first_uuid7(now() - OLDER[value][1]))
        return super().narrow(rows, value)


class LastSeenFilter(AgeFilter):
    """When a group last grew."""

    title = gettext_lazy("last seen")

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value in OLDER:
            return rows.filter(last_seen_at__lt=now() - OLDER[value][1])
        return rows.filter(last_seen_at__gte=now() - WINDOWS[value][1])


class DefaultFilter(FixedFilter):
    """Narrows unless told otherwise: the first choice is in force when nothing is chosen."""

    default = "open"

    def chosen(self) -> str | None:
        return self.default if self.value() is None else super().chosen()

    def unasked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return self.narrow(rows, self.default)

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            yield {
                "selected": value == self.chosen(),
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }


class DeletedFilter(DefaultFilter):
    title = gettext_lazy("deleted")
    parameter_name = "deleted"
    default = "no"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("no", _("No")), ("yes", _("Deleted ones"))]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(is_deleted=value == "yes")

    def words(self, value: str) -> str:
        return f"is_deleted:{'true' if value == 'yes' else 'false'}"


class DeletedJobsFilter(DeletedFilter):
    """Hides deleted jobs, unless the query in the box says itself which of them are wanted."""

    decided = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        self.decided = self.value() is None and reading_of(request).speaks_of("is_deleted")
        return super().queryset(request, queryset)

    def chosen(self) -> str | None:
        return None if self.decided else super().chosen()

    def unasked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows if self.decided else super().unasked(rows)


class AddressFilter(OpenFilter):
    """Only what the address names, which a link has put there: it lists no others to choose among."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(name, _("Only this one")) for name, _label in super().lookups(request, model_admin)]

    def names(self) -> list[str]:
        return []


class GroupFilter(AddressFilter):
    """The letters of one fingerprint; reached from the groups."""

    title = gettext_lazy("error")
    parameter_name = "group"

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(error_fingerprint=value)


class ScheduleFilter(AddressFilter):
    """The jobs of one schedule; reached from its page."""

    title = gettext_lazy("schedule")
    parameter_name = "schedule"

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        try:
            return rows.filter(schedule=UUID(value))
        except ValueError:
            return rows.none()

    def words(self, value: str) -> str:
        return condition("schedule_id", value)

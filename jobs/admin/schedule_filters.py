from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.admin.filters import Choices, FixedFilter
from jobs.models import Schedule
from jobs.models.columns import ClockTimestamp
from jobs.scheduling.catching_up import GRACE


class StateFilter(FixedFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            ("active", _("Active")),
            ("paused", _("Paused")),
            ("late", _("Late")),
            ("failing", _("Failing")),
            ("ended", _("No time to come")),
        ]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "paused":
            return rows.filter(is_active=False)
        active = rows.filter(is_active=True)
        if value == "late":
            return late(active)
        if value == "failing":
            return active.exclude(last_error="")
        return active.filter(next_run_at=None) if value == "ended" else active


def late(rows: QuerySet[Any], grace: timedelta = GRACE) -> QuerySet[Any]:
    """Keep the active schedules whose time came a while ago and was fired by nobody."""
    return rows.filter(is_active=True, is_deleted=False, next_run_at__lt=ClockTimestamp() - grace)


class SourceFilter(FixedFilter):
    title = gettext_lazy("from")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(source.value, str(source.label)) for source in Schedule.Source]

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(source=value)

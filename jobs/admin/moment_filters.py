"""A time window of one's own: from and to, in the operator's zone."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone, is_naive, make_aware
from django.utils.translation import gettext_lazy as _

from accounts.uuid7 import first_id_behind, first_id_since
from jobs.admin.filters import AddressFilter


class MomentFilter(AddressFilter):
    """A bound on when a job was submitted; what is no date and time finds nothing, and is said."""

    def moment(self) -> datetime | None:
        """Give the moment that was typed."""
        return read_moment(self.value() or "")

    @property
    def wrong(self) -> str:
        """What was typed, if it is no date and time."""
        text = self.value() or ""
        return text if text and self.moment() is None else ""

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        at = self.moment()
        return rows.none() if at is None else self.bound(rows, at)

    def bound(self, rows: QuerySet[Any], at: datetime) -> QuerySet[Any]:
        raise NotImplementedError


class FromFilter(MomentFilter):
    title = _("from")
    parameter_name = "from"

    def bound(self, rows: QuerySet[Any], at: datetime) -> QuerySet[Any]:
        return rows.filter(pk__gte=first_id_since(at), created_at__gte=at)

    def words(self, value: str) -> str:
        at = self.moment()
        return "" if at is None else f'created_at:>="{at.isoformat()}"'


class ToFilter(MomentFilter):
    title = _("to")
    parameter_name = "to"

    def bound(self, rows: QuerySet[Any], at: datetime) -> QuerySet[Any]:
        return rows.filter(pk__lt=first_id_behind(at), created_at__lt=at)

    def words(self, value: str) -> str:
        at = self.moment()
        return "" if at is None else f'created_at:<"{at.isoformat()}"'


def read_moment(text: str) -> datetime | None:
    """Read a date and time, in the operator's zone if it names none; None if it is none."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    return make_aware(at, get_current_timezone()) if at is not None and is_naive(at) else at

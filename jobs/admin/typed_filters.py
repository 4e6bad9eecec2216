"""Filters of a list whose value is typed: a word that has to be met whole, or a bound in time."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.uuid7 import first_id_behind, first_id_since
from jobs.admin.moment_filters import read_moment


class TypedFilter(admin.SimpleListFilter):
    """Base class: one box. What was typed stays in it, also if it finds nothing. Do not use directly."""

    template = "jobs/parts/typed_filter.html"
    kind = "text"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        own = (self.parameter_name, "p")
        others = [(name, value) for name, value in changelist.filter_params.items() if name not in own]
        kept = [(name, each) for name, values in others for each in (values if isinstance(values, list) else [values])]
        query = [("q", changelist.query)] if changelist.query else []
        yield {"name": self.parameter_name, "value": self.value() or "", "kept": [*query, *kept], "kind": self.kind}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = (self.value() or "").strip()
        if not text:
            return queryset
        return queryset.none() if "\x00" in text else self.narrow(queryset, text)

    def narrow(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        raise NotImplementedError


class SinceFilter(TypedFilter):
    """Bounds the ids, which begin with their time; what is no date and time finds nothing."""

    title = _("from")
    parameter_name = "since"
    kind = "datetime-local"

    def narrow(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        at = read_moment(text)
        return rows.none() if at is None else rows.filter(pk__gte=first_id_since(at))


class UntilFilter(SinceFilter):
    title = _("to")
    parameter_name = "until"

    def narrow(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        at = read_moment(text)
        return rows.none() if at is None else rows.filter(pk__lt=first_id_behind(at))

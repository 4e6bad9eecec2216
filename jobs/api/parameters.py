"""Query parameters read strictly: a mistyped filter must not answer with everybody's jobs."""

from collections.abc import Set
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar

from django import forms
from django.core.exceptions import ValidationError as FormError
from django.db.models import QuerySet
from django_filters import Filter, MultipleChoiceFilter
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.fields import read_moment
from accounts.uuid7 import first_id_behind, first_id_since
from jobs.options import TEXT_MAX_LENGTH

Rows = TypeVar("Rows", bound=QuerySet[Any])

#: Read by the pagination.
OF_PAGES: Final = frozenset({"limit", "cursor"})


class StrictFilterBackend(DjangoFilterBackend):
    """Refuse parameters that no filter reads, that are empty, or that stand twice where one counts."""

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filters = view.filterset_class.base_filters  # type: ignore[attr-defined]
        lone = set(filters) | OF_PAGES | set(getattr(view, "other_parameters", ()))
        several = {name for name, each in filters.items() if isinstance(each, MultipleChoiceFilter)}
        refuse_unread(request, lone - several, several)
        return super().filter_queryset(request, queryset, view)


def refuse_unread(
    request: Request, lone: Set[str], several: Set[str] = frozenset(), maybe_empty: Set[str] = frozenset()
) -> None:
    """Raise ValidationError naming every parameter that would be ignored in whole or in part."""
    errors = {}
    for name, values in request.query_params.lists():
        if name not in lone | several:
            errors[name] = [ErrorDetail("There is no such parameter.", code="unknown-parameter")]
        elif len(values) > 1 and name in lone:
            errors[name] = [ErrorDetail("Stands here more than once.", code="repeated")]
        elif not all(values) and name not in maybe_empty:
            errors[name] = [ErrorDetail("Is empty.", code="empty")]
    if errors:
        raise ValidationError(errors)


class MomentField(forms.Field):
    """A date and time in RFC 3339, so that nobody's local time is guessed at."""

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        moment = read_moment(value)
        if moment is None:
            raise FormError("Must be a date and time such as 2026-01-31T09:00:00Z.", code="date-time")
        return moment


class DescribedFilter(Filter):
    """A filter that tells the API's description exactly what it takes."""

    schema: ClassVar[dict[str, Any]]
    bounds: ClassVar[dict[str, Any]] = {}

    def __init__(self, field_name: str | None = None, help_text: str = "", **kwargs: Any) -> None:
        super().__init__(field_name, **kwargs, **self.bounds)
        described = {**self.schema, "description": help_text} if help_text else self.schema
        extend_schema_field(described)(self)  # type: ignore[type-var]


class WordFilter(DescribedFilter):
    field_class = forms.CharField
    bounds: ClassVar = {"strip": False, "max_length": TEXT_MAX_LENGTH}
    schema: ClassVar = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX_LENGTH}


class IdFilter(DescribedFilter):
    field_class = forms.UUIDField
    schema: ClassVar = {"type": "string", "format": "uuid"}


class PriorityFilter(DescribedFilter):
    field_class = forms.IntegerField
    bounds: ClassVar = {"min_value": 0, "max_value": 100}
    schema: ClassVar = {"type": "integer", "minimum": 0, "maximum": 100}


class MomentFilter(DescribedFilter):
    field_class = MomentField
    schema: ClassVar = {"type": "string", "format": "date-time"}


class SeveralWords(forms.SelectMultiple):
    """Takes `a=1&a=2` and `a=1,2` alike."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [word for text in data.getlist(name) for word in text.split(",")]


def since(queryset: Rows, name: str, moment: datetime) -> Rows:
    """Keep rows whose time of creation, the column `name`, is this moment or later."""
    return queryset.filter(**{"id__gte": first_id_since(moment), f"{name}__gte": moment})


def before(queryset: Rows, name: str, moment: datetime) -> Rows:
    """Keep rows whose time of creation, the column `name`, is before this moment."""
    return queryset.filter(**{"id__lt": first_id_behind(moment), f"{name}__lt": moment})

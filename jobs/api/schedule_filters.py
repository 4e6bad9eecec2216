from typing import ClassVar, Final

from django.db.models import QuerySet
from django_filters import ChoiceFilter, FilterSet

from jobs.api.parameters import WordFilter
from jobs.models import Schedule

_YES_NO = [("true", "true"), ("false", "false")]

SOURCES: Final = Schedule.Source.choices


class ScheduleFilters(FilterSet):
    type = WordFilter(field_name="job_type")
    job_type = WordFilter(field_name="job_type", help_text="Another name of `type`.")
    queue = WordFilter(field_name="queue")
    active = ChoiceFilter(choices=_YES_NO, method="filter_active")
    failing = ChoiceFilter(choices=_YES_NO, method="filter_failing", help_text="Whether the last time made no job.")
    source = ChoiceFilter(choices=SOURCES)
    search = WordFilter(field_name="name", lookup_expr="icontains", help_text="In the name.")
    deleted = ChoiceFilter(choices=_YES_NO, method="filter_deleted", help_text="Those that were deleted instead.")

    class Meta:
        model = Schedule
        fields: ClassVar[list[str]] = []

    def filter_queryset(self, queryset: QuerySet[Schedule]) -> QuerySet[Schedule]:
        found: QuerySet[Schedule] = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["deleted"] == "true" else found.filter(is_deleted=False)

    def filter_active(self, queryset: QuerySet[Schedule], name: str, active: str) -> QuerySet[Schedule]:
        return queryset.filter(is_active=active == "true")

    def filter_failing(self, queryset: QuerySet[Schedule], name: str, failing: str) -> QuerySet[Schedule]:
        return queryset.exclude(last_error="") if failing == "true" else queryset.filter(last_error="")

    def filter_deleted(self, queryset: QuerySet[Schedule], name: str, deleted: str) -> QuerySet[Schedule]:
        return queryset.filter(is_deleted=deleted == "true")

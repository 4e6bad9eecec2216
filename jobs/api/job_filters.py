from typing import ClassVar

from django.db.models import QuerySet
from django_filters import FilterSet, MultipleChoiceFilter

from jobs.api.parameters import (
    MomentFilter,
    PriorityFilter,
    SeveralWords,
    WordFilter,
    before,
    since,
)
from jobs.models import Job
from jobs.statuses import Status


class JobFilters(FilterSet):
    """Every filter is an equality or a range; those beyond the indexes are bounded by the list's time limit."""

    status = MultipleChoiceFilter(
        choices=Status.choices, widget=SeveralWords, method="filter_status", help_text="One or several."
    )
    type = WordFilter(field_name="job_type")
    job_type = WordFilter(field_name="job_type", help_text="Another name of `type`.")
    queue = WordFilter(field_name="queue")
    priority_min = PriorityFilter(field_name="priority", lookup_expr="gte")
    priority_max = PriorityFilter(field_name="priority", lookup_expr="lte")
    tag = WordFilter(method="filter_tag")
    created_after = MomentFilter(field_name="created_at", method=since, help_text="Inclusive.")
    created_before = MomentFilter(field_name="created_at", method=before, help_text="Exclusive.")
    scheduled_after = MomentFilter(field_name="scheduled_at", lookup_expr="gte", help_text="Inclusive.")
    scheduled_before = MomentFilter(field_name="scheduled_at", lookup_expr="lt", help_text="Exclusive.")

    class Meta:
        model = Job
        fields: ClassVar[list[str]] = []

    def filter_status(self, queryset: QuerySet[Job], name: str, statuses: list[str]) -> QuerySet[Job]:
        return queryset.filter(status__in=statuses)

    def filter_tag(self, queryset: QuerySet[Job], name: str, tag: str) -> QuerySet[Job]:
        # The index leaves out jobs without tags; saying so too lets the planner use it.
        return queryset.filter(tags__contains=[tag]).exclude(tags=[])

from typing import ClassVar

from django.db.models import QuerySet
from django_filters import ChoiceFilter, FilterSet, MultipleChoiceFilter

from jobs.api.parameters import (
    IdFilter,
    MomentFilter,
    PriorityFilter,
    SeveralWords,
    WordFilter,
    before,
    since,
)
from jobs.models import Job
from jobs.models.job import JobQuerySet
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
    parent = IdFilter(field_name="parent_id", help_text="The children of a job.")
    batch = IdFilter(field_name="batch_id", help_text="The jobs of a batch or workflow.")
    schedule = IdFilter(field_name="schedule_id", help_text="The jobs that a schedule has made.")
    deleted = ChoiceFilter(
        choices=[("true", "true"), ("false", "false")],
        method="filter_deleted",
        help_text="Those that were deleted instead.",
    )

    class Meta:
        model = Job
        fields: ClassVar[list[str]] = []

    def filter_queryset(self, queryset: QuerySet[Job]) -> QuerySet[Job]:
        found: QuerySet[Job] = super().filter_queryset(queryset)
        return found if self.form.cleaned_data["deleted"] == "true" else found.filter(is_deleted=False)

    def filter_deleted(self, queryset: QuerySet[Job], name: str, deleted: str) -> QuerySet[Job]:
        return queryset.filter(is_deleted=deleted == "true")

    def filter_status(self, queryset: JobQuerySet, name: str, statuses: list[str]) -> QuerySet[Job]:
        if set(statuses) == {Status.PENDING}:
            return queryset.pending()
        return queryset.filter(status__in=statuses)

    def filter_tag(self, queryset: QuerySet[Job], name: str, tag: str) -> QuerySet[Job]:
        # The index leaves out jobs without tags; saying so too lets the planner use it.
        return queryset.filter(tags__contains=[tag]).exclude(tags=[])

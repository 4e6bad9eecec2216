from typing import ClassVar

from django.db.models import QuerySet
from django_filters import FilterSet, MultipleChoiceFilter

from jobs.api.parameters import MomentFilter, SeveralWords, WordFilter, before, since
from jobs.models import DeadLetter
from jobs.statuses import Resolution


class DeadLetterFilters(FilterSet):
    resolution = MultipleChoiceFilter(
        choices=Resolution.choices, widget=SeveralWords, method="filter_resolution", help_text="One or several."
    )
    type = WordFilter(field_name="job_type")
    job_type = WordFilter(field_name="job_type", help_text="Another name of `type`.")
    fingerprint = WordFilter(field_name="error_fingerprint", help_text="Of one group.")
    queue = WordFilter(field_name="queue", help_text="Where the job died.")
    assignee = WordFilter(field_name="assignee__user_id", help_text="The user_id of who looks after it.")
    moved_after = MomentFilter(field_name="moved_at", method=since, help_text="Inclusive.")
    moved_before = MomentFilter(field_name="moved_at", method=before, help_text="Exclusive.")

    class Meta:
        model = DeadLetter
        fields: ClassVar[list[str]] = []

    def filter_resolution(
        self, queryset: QuerySet[DeadLetter], name: str, resolutions: list[str]
    ) -> QuerySet[DeadLetter]:
        return queryset.filter(resolution_status__in=resolutions)

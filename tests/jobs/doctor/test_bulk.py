from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import control
from jobs.bulk.beginning import begin
from jobs.bulk.wishes import Wish
from jobs.doctor.bulk import look
from jobs.models import BulkOperation, Job

pytestmark = pytest.mark.django_db


def said() -> list[str]:
    return [finding.what for finding in look()]


def test_what_does_not_get_on_is_told() -> None:
    assert said() == ["0 bulk operations are under way, and get on."]
    lost, idle, slow, forgotten = (begin(Wish("dead_letter", "redrive", {"filter": {}}), None) for _ in range(4))
    assert said() == ["4 bulk operations are under way, and get on."]
    control.cancel(lost.job, None)
    long_ago = timezone.now() - timedelta(hours=1)
    BulkOperation.objects.filter(pk__in=[idle.pk, slow.pk]).update(worked_at=long_ago)
    BulkOperation.objects.filter(pk=slow.pk).update(next_at=timezone.now() + timedelta(hours=1))
    BulkOperation.objects.filter(pk=forgotten.pk).update(state="paused", worked_at=long_ago - timedelta(days=1))
    assert said() == [
        "Nobody works on the bulk operation redrive dead letters: its job has ended.",
        "The bulk operation redrive dead letters has not got on for 60 minutes.",
        "The bulk operation redrive dead letters has been paused for 25 hours.",
    ]
    assert Job.objects.filter(job_type="bulk_operation").count() == 4

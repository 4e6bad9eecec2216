from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from jobs.bulk import keeping
from jobs.models import BulkChunk, BulkItem, BulkOperation
from tests.jobs.bulk.conftest import Begin, work
from tests.jobs.rows import dead_letter, new_job

pytestmark = pytest.mark.django_db


def test_old_ones_go_with_their_rows(begun: Begin, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 1)
    letters = [dead_letter(new_job("note")) for _ in range(2)]
    ids: dict[str, Any] = {"ids": [str(letter.pk) for letter in letters]}
    old = work(begun("dead_letter", "redrive", ids))
    young = work(begun("dead_letter", "redrive", ids))
    under_way = begun("dead_letter", "redrive", ids)
    assert BulkItem.objects.filter(operation=young).count() == 2
    BulkOperation.objects.filter(pk=old.pk).update(ended_at=timezone.now() - timedelta(days=91))
    settings.BULK_OPERATION_RETENTION_DAYS = 0
    assert keeping.tidy() == 0
    settings.BULK_OPERATION_RETENTION_DAYS = 90
    assert keeping.tidy() == 1
    assert set(BulkOperation.objects.values_list("pk", flat=True)) == {young.pk, under_way.pk}
    assert not BulkChunk.objects.exists() and BulkItem.objects.count() == 2
    assert keeping.tidy() == 0

"""Documents that the engine refuses: put aside, tried again after a while and at the job's next change."""

import time

import pytest
from django.db.models import F
from django.utils import timezone

from jobs.models import Job, SearchRejection, SearchTombstone
from jobs.search.documents import document
from jobs.search.sync import changes, state
from jobs.search.sync.syncing import Syncer, sync_until_clean
from tests.jobs.search.sync.agreement import assert_agreement
from tests.jobs.search.sync.serving import serving, switched_on  # noqa: F401 (fixtures)
from tests.jobs.search.sync.switched_on import put_in

pytestmark = pytest.mark.usefixtures("serving")


@pytest.fixture
def poisoned(monkeypatch):
    """Make documents that the mapping refuses, of the jobs in this set."""
    ids = set()

    def made(job):
        return {**document(job), "nonsense": 1} if job.pk in ids else document(job)

    monkeypatch.setattr(changes, "document", made)
    return ids


def sync():
    assert sync_until_clean(time.monotonic() + 30)


def due_now():
    SearchRejection.objects.update(retry_at=timezone.now())


def test_a_refused_document_is_put_aside_and_the_others_are_there(poisoned):
    bad, *_ = put_in(9)
    poisoned.add(bad.pk)
    sync()
    aside = SearchRejection.objects.get()
    assert (aside.job_id, aside.version, aside.tries) == (bad.pk, 1, 1)
    assert "nonsense" in aside.error_message and 25 < (aside.retry_at - aside.rejected_at).total_seconds() < 65
    assert_agreement()
    # It counts as sent: nobody waits for it, and no round tries it before its time.
    assert state.figures() == state.Figures(rejections=1)
    assert Syncer(settle=0).round() == 0


def test_it_is_tried_again_later_and_later(poisoned):
    (bad,) = put_in(1)
    poisoned.add(bad.pk)
    sync()
    waits = []
    for _ in range(8):
        due_now()
        assert Syncer(settle=0).round() == 1
        aside = SearchRejection.objects.get()
        waits.append((aside.retry_at - aside.rejected_at).total_seconds() / 60)
    assert aside.tries == 9
    assert 1.9 < waits[0] < 4.1 and waits[1] > 7 and max(waits) <= 360.1
    poisoned.clear()
    due_now()
    sync()
    assert not SearchRejection.objects.exists()
    assert_agreement()


def test_the_job_s_next_change_is_sent_at_once(poisoned):
    (bad,) = put_in(1)
    poisoned.add(bad.pk)
    sync()
    Job.objects.update(progress=F("progress") + 1)
    sync()
    aside = SearchRejection.objects.get()
    assert (aside.version, aside.tries) == (2, 1)
    poisoned.clear()
    Job.objects.update(progress=F("progress") + 1)
    sync()
    assert not SearchRejection.objects.exists()
    assert_agreement()


def test_nothing_is_left_of_a_refused_job_that_is_deleted(poisoned):
    first, second = put_in(2)
    poisoned |= {first.pk, second.pk}
    sync()
    first.delete()
    second.delete()
    SearchTombstone.objects.filter(job_id=second.pk).delete()
    due_now()
    sync()
    assert not SearchRejection.objects.exists() and not SearchTombstone.objects.exists()
    assert_agreement()


def test_a_document_that_cannot_be_made_is_put_aside(monkeypatch, caplog):
    bad, *_ = put_in(3)

    def made(job):
        if job.pk == bad.pk:
            raise RecursionError("nested too deep")
        return document(job)

    monkeypatch.setattr(changes, "document", made)
    sync()
    assert SearchRejection.objects.get().error_message == "RecursionError: nested too deep"
    assert str(bad.pk) in caplog.text
    assert_agreement()

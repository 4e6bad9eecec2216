import pytest
from django.db import connection, transaction

from jobs import control, dead_letters
from jobs.exceptions import InvalidPayload, InvalidState, UniqueKeyTaken
from jobs.models import AuditEntry, DeadLetter, DeadLetterGroup, Job
from jobs.statuses import Resolution, Status
from tests.jobs.rows import dead_letter, finish, new_job, start
from tests.jobs.states import beside, wait_until_someone_waits

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict(register):
    """A job type whose payload has one number."""

    def handler(ctx, n: int): ...

    return register("strict", handler)


@pytest.fixture
def letter(strict):
    return dead_letter(strict.enqueue(n=1).fetch())


def test_redriven_as_it_is(letter, actor):
    redriven = dead_letters.redrive(letter.pk, actor, reason="provider is back")
    job = redriven.original_job
    assert (job.status, job.retry_count, job.started_at, job.failed_at) == (Status.PENDING, 0, None, None)
    assert (job.attempt, len(job.error_history), job.payload) == (2, 2, {"n": 1})
    assert (redriven.resolution_status, redriven.resolved_by, redriven.redriven_payload) == ("redriven", actor, None)
    assert redriven.resolved_at
    assert redriven.resolution_notes == "provider is back"
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target_id, entry.reason) == (
        actor, "redriven", str(letter.pk), "provider is back",
    )  # fmt: skip


def test_redriven_with_another_payload(letter, actor):
    redriven = dead_letters.redrive(letter.pk, actor, payload={"n": 2})
    assert redriven.original_job.payload == redriven.redriven_payload == {"n": 2}
    assert redriven.payload == {"n": 1}, "what it died of stays"
    assert AuditEntry.objects.get().details == {"payload_before": {"n": 1}, "payload_after": {"n": 2}}


def test_the_same_payload_is_no_edit(letter, actor):
    assert dead_letters.redrive(letter.pk, actor, payload={"n": 1}).redriven_payload is None


def test_true_is_not_one(note, actor):
    """Python finds {"n": True} equal to {"n": 1}; JSON does not."""
    letter = dead_letter(note.enqueue(n=1).fetch())
    redriven = dead_letters.redrive(letter.pk, actor, payload={"n": True})
    assert redriven.original_job.payload["n"] is True
    assert redriven.redriven_payload["n"] is True


@pytest.mark.parametrize("payload", [{"n": "x"}, {}, {"n": 1, "m": 1}, {"n": float("nan")}, {"n": "\x00"}, [1]])
def test_a_payload_that_does_not_fit_changes_nothing(letter, actor, payload):
    with pytest.raises(InvalidPayload):
        dead_letters.redrive(letter.pk, actor, payload=payload)
    letter.refresh_from_db()
    assert (letter.resolution_status, letter.original_job.status) == ("open", "dead_letter")
    assert not AuditEntry.objects.exists()


def test_a_type_unknown_here_takes_any_json(actor):
    letter = dead_letter(new_job("elsewhere"))
    assert dead_letters.redrive(letter.pk, actor, payload={"x": 1}).original_job.payload == {"x": 1}
    with pytest.raises(InvalidPayload):
        dead_letters.check_payload("elsewhere", {"x": {1}})


def test_discarded(letter, actor):
    discarded = dead_letters.discard(letter.pk, actor, "wrong address")
    job = discarded.original_job
    assert (discarded.resolution_status, discarded.resolved_by, discarded.resolution_notes) == (
        "discarded", actor, "wrong address",
    )  # fmt: skip
    assert (job.status, job.failed_at is None, job.completed_at) == (Status.FAILED, False, None)


def test_resolved_by_hand(letter, actor):
    resolved = dead_letters.resolve(letter.pk, actor, "sent by post", result={"by": "post"})
    job = resolved.original_job
    assert (resolved.resolution_status, resolved.resolved_by) == ("resolved", actor)
    assert (job.status, job.failed_at, job.result) == (Status.COMPLETED, None, {"by": "post"})
    assert job.completed_at


@pytest.mark.parametrize("result", [float("nan"), "\x00", {1}])
def test_a_result_that_cannot_be_stored_changes_nothing(letter, actor, result):
    with pytest.raises(InvalidPayload, match="result"):
        dead_letters.resolve(letter.pk, actor, result=result)
    letter.refresh_from_db()
    assert letter.resolution_status == "open"


def test_notes(letter, actor):
    dead_letters.annotate(letter.pk, actor, "first look")
    dead_letters.annotate(letter.pk, actor, "second look")
    discarded = dead_letters.discard(letter.pk, actor, "given up")
    assert discarded.resolution_notes == "second look\ngiven up"
    assert {"before": "first look", "after": "second look"} in AuditEntry.objects.values_list("details", flat=True)


@pytest.mark.parametrize("first", [dead_letters.redrive, dead_letters.discard, dead_letters.resolve])
@pytest.mark.parametrize("second", [dead_letters.redrive, dead_letters.discard, dead_letters.resolve])
def test_a_letter_is_settled_once(letter, actor, first, second):
    settled = first(letter.pk, actor)
    with pytest.raises(InvalidState) as caught:
        second(letter.pk, actor)
    assert caught.value.current == settled.resolution_status
    assert AuditEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_on_one_letter(letter, actor):
    with transaction.atomic():
        dead_letters.discard(letter.pk, actor)
        other = beside(lambda: dead_letters.redrive(letter.pk, actor))
        wait_until_someone_waits()
    with pytest.raises(InvalidState):
        other()
    letter.refresh_from_db()
    assert letter.resolution_status == "discarded"


def test_a_redriven_job_may_die_again(letter, actor):
    dead_letters.redrive(letter.pk, actor)
    again = dead_letter(Job.objects.get(pk=letter.original_job_id))
    assert again.pk != letter.pk
    assert DeadLetter.objects.filter(original_job=again.original_job).count() == 2
    assert DeadLetter.objects.open().get() == again


def test_a_key_taken_meanwhile_holds_a_redrive_back(note, actor):
    letter = dead_letter(note.enqueue(unique_key="k").fetch())
    holder = note.enqueue(unique_key="k")
    with pytest.raises(UniqueKeyTaken, match=str(holder.id)):
        dead_letters.redrive(letter.pk, actor)
    finish(holder.fetch())
    assert dead_letters.redrive(letter.pk, actor).resolution_status == "redriven"


@pytest.mark.django_db(transaction=True)
def test_a_key_taken_in_the_same_moment_holds_a_redrive_back(note, actor):
    letter = dead_letter(note.enqueue(unique_key="k").fetch())
    with transaction.atomic():
        note.enqueue(unique_key="k")
        other = beside(lambda: dead_letters.redrive(letter.pk, actor))
        wait_until_someone_waits()
    with pytest.raises(UniqueKeyTaken):
        other()
    letter.refresh_from_db()
    assert letter.resolution_status == "open"


# Many at once


@pytest.mark.parametrize(
    ("act", "status", "resolution"),
    [
        (dead_letters.redrive, Status.PENDING, Resolution.REDRIVEN),
        (dead_letters.discard, Status.FAILED, Resolution.DISCARDED),
        (dead_letters.resolve, Status.COMPLETED, Resolution.RESOLVED),
    ],
)
def test_all_that_a_filter_finds(act, status, resolution, note, strict, actor, monkeypatch):
    monkeypatch.setattr(dead_letters, "CHUNK", 2)
    ours = [dead_letter(note.enqueue(n=n).fetch(), message=f"error {'abcde'[n]}") for n in range(5)]
    other = dead_letter(strict.enqueue(n=1).fetch())
    report = dead_letters.bulk(act, DeadLetter.objects.filter(job_type="note"), actor, "all of them")
    assert (report.done, report.skipped, report.reasons) == (5, 0, {})
    assert {letter.resolution_status for letter in DeadLetter.objects.filter(job_type="note")} == {resolution}
    assert {job.status for job in Job.objects.filter(job_type="note")} == {status}
    assert DeadLetter.objects.open().get() == other
    assert AuditEntry.objects.filter(reason="all of them").count() == len(ours)


def test_letters_that_come_later_are_left_alone(note, actor, monkeypatch):
    """A job that dies again while it is being redriven must not be redriven again without end."""
    monkeypatch.setattr(dead_letters, "CHUNK", 1)
    for n in range(3):
        dead_letter(note.enqueue(n=n).fetch())

    def redrive_to_die(letter_id, actor, reason=""):
        letter = dead_letters.redrive(letter_id, actor, reason=reason)
        dead_letter(letter.original_job)
        return letter

    report = dead_letters.bulk(redrive_to_die, DeadLetter.objects.all(), actor)
    assert report.done == 3
    assert DeadLetter.objects.open().count() == 3


def test_a_limit_is_kept_across_chunks(note, actor, monkeypatch):
    monkeypatch.setattr(dead_letters, "CHUNK", 2)
    letters = [dead_letter(note.enqueue(n=n).fetch()) for n in range(5)]
    assert dead_letters.bulk(dead_letters.discard, DeadLetter.objects.all(), actor, limit=3).done == 3
    assert set(DeadLetter.objects.open()) == set(letters[3:]), "the oldest go first"


def test_what_cannot_be_is_reported_with_its_reason(note, actor):
    held = dead_letter(note.enqueue(unique_key="k").fetch())
    note.enqueue(unique_key="k")
    gone, fine = dead_letter(note.enqueue().fetch()), dead_letter(note.enqueue().fetch())

    def act(letter_id, actor, reason=""):
        if letter_id == gone.pk:
            DeadLetter.objects.get(pk=gone.original_job_id)
        return dead_letters.redrive(letter_id, actor, reason=reason)

    report = dead_letters.bulk(act, DeadLetter.objects.all(), actor)
    assert (report.done, report.skipped) == (1, 2)
    assert "belongs to the job" in report.reasons[str(held.pk)]
    assert report.reasons[str(gone.pk)] == "It is not there any more."
    fine.refresh_from_db()
    assert fine.resolution_status == "redriven"


def test_a_hundred_reasons_are_enough(note, actor):
    for n in range(101):
        dead_letter(note.enqueue(unique_key=str(n)).fetch())
        note.enqueue(unique_key=str(n))
    report = dead_letters.bulk(dead_letters.redrive, DeadLetter.objects.all(), actor)
    assert (report.done, report.skipped, len(report.reasons)) == (0, 101, 100)


@pytest.mark.django_db(transaction=True)
def test_a_bulk_act_and_dying_jobs_do_not_deadlock(note, actor):
    """Letters of two groups, redriven in the other order than a worker's dead letters lock the groups."""
    for _ in range(2):
        groups = [dead_letter(note.enqueue().fetch(), message=word).error_fingerprint for word in ("alpha", "beta")]
    low, high = sorted(groups)
    names = dict(zip(groups, ("alpha", "beta"), strict=True))
    Job.objects.all().delete()
    for fingerprint in (high, low):
        dead_letter(note.enqueue().fetch(), message=names[fingerprint])
    dying = note.enqueue().fetch()
    lock = start(dying)

    def die(word):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT fail_job(%s, %s, 'ConnectionError', %s, '{}', false)", [dying.pk, lock.lock_token, word]
            )

    others = []

    def act(letter_id, actor, reason=""):
        letter = dead_letters.redrive(letter_id, actor, reason=reason)
        if not others:
            # One group is locked by us now; another session locks what is left and then waits for it.
            others.append(beside(both))
            wait_until_someone_waits()
        return letter

    def both():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE job_dead_letter_groups SET last_seen_at = last_seen_at WHERE error_fingerprint = %s", [low]
            )
            cursor.execute(
                "UPDATE job_dead_letter_groups SET last_seen_at = last_seen_at WHERE error_fingerprint = %s", [high]
            )

    assert dead_letters.bulk(act, DeadLetter.objects.all(), actor).done == 2
    others[0]()


# Groups


def groups():
    return {
        group.error_message: (group.open_count, group.total_count) for group in DeadLetterGroup.objects.order_by("pk")
    }


def test_groups_follow_every_statement(note, actor):
    letters = [dead_letter(note.enqueue(n=n).fetch(), message=f"row {n} is bad") for n in range(3)]
    other = dead_letter(note.enqueue().fetch(), message="no route")
    assert groups() == {"row 2 is bad": (3, 3), "no route": (1, 1)}
    dead_letters.discard(letters[0].pk, actor)
    dead_letters.resolve(other.pk, actor)
    assert groups() == {"row 2 is bad": (2, 3), "no route": (0, 1)}
    Job.objects.filter(pk__in=[letters[0].original_job_id, other.original_job_id]).delete()
    assert groups() == {"row 2 is bad": (2, 2)}
    group = DeadLetterGroup.objects.get()
    assert (group.job_type, group.error_class) == ("note", "ConnectionError")
    assert group.first_seen_at < group.last_seen_at == letters[2].moved_at


@pytest.mark.django_db(transaction=True)
def test_groups_are_right_after_many_at_once(note, actor):
    """Workers, people and pruning on the same two groups from six sessions."""
    words = ("alpha", "beta")
    doomed = [dead_letter(note.enqueue().fetch(), message=words[n % 2]) for n in range(24)]
    fresh = [note.enqueue().fetch() for _ in range(24)]

    def worker(part):
        for n, job in enumerate(fresh[part::2]):
            dead_letter(job, message=words[n % 2])

    def person(act, part):
        for letter in doomed[part:12:2]:
            act(letter.pk, actor)

    def pruner():
        for letter in doomed[12:]:
            Job.objects.filter(pk=letter.original_job_id).delete()

    results = [
        beside(work)
        for work in (
            lambda: worker(0),
            lambda: worker(1),
            lambda: person(dead_letters.discard, 0),
            lambda: person(dead_letters.redrive, 1),
            pruner,
            lambda: dead_letters.bulk(dead_letters.discard, DeadLetter.objects.filter(pk__in=()), actor),
        )
    ]
    for result in results:
        result()
    counted = {
        fingerprint: (
            DeadLetter.objects.open().filter(error_fingerprint=fingerprint).count(),
            DeadLetter.objects.filter(error_fingerprint=fingerprint).count(),
        )
        for fingerprint in DeadLetter.objects.values_list("error_fingerprint", flat=True)
    }
    assert len(counted) == 2
    kept = {group.pk: (group.open_count, group.total_count) for group in DeadLetterGroup.objects.all()}
    assert kept == counted


def test_a_cancelled_job_that_dies_leaves_no_letter(note, actor):
    job = note.enqueue().fetch()
    lock = start(job)
    control.cancel(job.pk, actor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT fail_job(%s, %s, 'E', 'm', '{}', false)", [job.pk, lock.lock_token])
        assert cursor.fetchone() == ("cancelled",)
    assert not DeadLetter.objects.exists()
    assert not DeadLetterGroup.objects.exists()

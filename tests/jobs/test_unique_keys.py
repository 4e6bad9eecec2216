"""The second job of a kind: skipped, refused, or put in the place of the first; also at the same moment."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.row_security import acting_as
from jobs import control, dead_letters
from jobs.enqueue import NewJob, enqueue, enqueue_each, enqueue_many
from jobs.exceptions import InvalidOption, NoneSubmitted, UniqueKeyTaken
from jobs.models import Job, Task
from jobs.uniqueness import Unique
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.rows import dead_letter, fail, finish, start
from tests.jobs.together import in_threads

pytestmark = pytest.mark.django_db

BY_N = Unique(fields=("n",))


@pytest.fixture
def policy(register):
    return register("policy", lambda ctx, n=0: None)


def lapse(submitted):
    Job.objects.filter(pk=submitted.id).update(unique_until=timezone.now() - timedelta(seconds=1))


def test_the_second_is_skipped(note):
    first = note.enqueue(n=1, text="a", unique=BY_N)
    second = note.enqueue(n=1, text="b", unique=BY_N)
    assert (second.id, second.created) == (first.id, False)
    assert note.enqueue(n=2, unique=BY_N).created
    assert note.enqueue(n=1, unique=BY_N, user=UserFactory()).created, "another owner's"
    assert first.fetch().payload == {"n": 1, "text": "a"}


def test_a_handler_s_own_policy(register):
    handler = register("own", lambda ctx, n: None, unique=BY_N, schema={"properties": {"n": {}}})
    first = handler.enqueue(n=1)
    assert handler.enqueue(n=1, priority=9).id == first.id
    assert handler.enqueue(n=1, unique=None).created, "told otherwise"
    assert handler.enqueue(n=1, unique_key="k").created, "a key of its own"
    assert [one.created for one in handler.enqueue_many([{"n": n} for n in (1, 2, 2)])] == [False, True, False]


def test_raise_names_the_holder_and_breaks_no_transaction(note):
    first = note.enqueue(n=1, unique=BY_N)
    with transaction.atomic():
        with pytest.raises(UniqueKeyTaken, match=str(first.id)) as caught:
            note.enqueue(n=1, unique=Unique(fields=("n",), mode="raise"))
        assert note.enqueue(n=2).created
    assert caught.value.holder == first.id
    assert Job.objects.count() == 2


def test_replace_makes_the_first_what_the_second_would_be(note):
    user = UserFactory()
    first = note.enqueue(n=1, text="a", delay=3600, tags=["old"], priority=9, max_retries=7, unique=BY_N, user=user)
    before = first.fetch()
    due = timezone.now() + timedelta(days=1)
    replacing = Unique(fields=("n",), mode="replace", period=60)
    second = note.enqueue(n=1, text="b", queue="slow", scheduled_at=due, timeout=5, unique=replacing, user=user)
    assert (second.id, second.created) == (first.id, False)
    saved = Job.objects.get()
    assert saved.payload == {"n": 1, "text": "b"}
    assert (saved.queue, saved.scheduled_at, saved.timeout, saved.tags, saved.priority) == ("slow", due, 5, [], 5)
    assert saved.max_retries == 3
    assert timezone.now() < saved.unique_until < timezone.now() + timedelta(seconds=61)
    assert (saved.version, saved.user, saved.created_at) == (before.version + 1, user, before.created_at)


def test_replace_leaves_what_has_begun(note):
    replacing = Unique(mode="replace", fields=("n",))
    running, with_steps = (note.enqueue(n=n, text="a", unique=replacing) for n in (1, 2))
    start(running.fetch())
    Task.objects.create(job=with_steps.fetch(), name="step")
    retried = fail(note.enqueue(n=3, text="a", unique=replacing).fetch())
    for n, left in ((1, running.id), (2, with_steps.id), (3, retried.pk)):
        second = note.enqueue(n=n, text="b", unique=replacing)
        assert (second.id, second.created) == (left, False)
    assert running.fetch().payload["text"] == with_steps.fetch().payload["text"] == "a"
    again = Job.objects.get(pk=retried.pk)
    assert (again.payload["text"], again.retry_count) == ("b", 0), "waiting for a retry is waiting"


def test_debounce_begins_its_delay_anew(note):
    debounced = Unique(fields=("n",), mode="debounce")
    first = note.enqueue(n=1, text="a", delay=60, unique=debounced)
    due = first.fetch().scheduled_at
    assert note.enqueue(n=1, text="b", delay=60, unique=debounced).id == first.id
    assert due < first.fetch().scheduled_at < due + timedelta(seconds=30)
    assert first.fetch().payload["text"] == "b"
    with pytest.raises(InvalidOption, match="needs a delay"):
        note.enqueue(n=1, unique=debounced)


def test_a_key_is_given_or_derived(note):
    assert note.enqueue(n=1, unique_key="k").created
    assert not note.enqueue(n=2, unique_key="k", unique=Unique(mode="replace")).created
    assert Job.objects.get().payload == {"n": 2}
    with pytest.raises(InvalidOption, match="no fields where unique_key is given"):
        note.enqueue(n=1, unique_key="k", unique=BY_N)


def test_a_period_ends_whatever_the_first_does(note):
    hourly = Unique(fields=("n",), period=timedelta(hours=1), states=("pending", "processing", "completed"))
    first = note.enqueue(n=1, unique=hourly)
    finish(first.fetch())
    assert note.enqueue(n=1, unique=hourly).id == first.id, "done, but within the hour"
    lapse(first)
    second = note.enqueue(n=1, unique=hourly)
    assert second.created
    assert first.fetch().unique_states == []
    lapse(second)
    assert [one.created for one in note.enqueue_many([{"n": 1}, {"n": 2}], unique=hourly)] == [True, True]
    assert not note.enqueue(n=2, unique=hourly).created


def test_a_lapsed_one_loses_its_key_to_those_who_replace_too(note):
    replacing = Unique(fields=("n",), period=60, mode="replace")
    first = note.enqueue(n=1, text="a", unique=replacing)
    lapse(first)
    assert note.enqueue(n=1, text="b", unique=replacing).created
    assert first.fetch().payload["text"] == "a"


def test_sql_takes_the_key_of_a_lapsed_one(note):
    first = note.enqueue(unique_key="k", unique=Unique(period=60))
    with connection.cursor() as cursor:
        cursor.execute("SELECT enqueue_job('note', p_unique_key => 'k')")
        assert cursor.fetchone()[0] == first.id
        lapse(first)
        cursor.execute("SELECT enqueue_job('note', p_unique_key => 'k')")
        assert cursor.fetchone()[0] != first.id


def test_a_key_held_while_waiting_only(note, actor):
    """One waits and one runs: whatever the running one does, it does without the key."""
    waiting_only = Unique(fields=("n",), states=("pending",))
    first = note.enqueue(n=1, unique=waiting_only)
    start(first.fetch())
    second = note.enqueue(n=1, unique=waiting_only)
    assert second.created
    assert fail(first.fetch()).status == "pending", "back for its retry, beside the second"
    control.cancel(first.id, actor)
    assert control.retry(first.id, actor).status == "pending"
    assert note.enqueue(n=1, unique=waiting_only).id == second.id


def test_ends_do_not_take_back_a_key_that_was_let_go(note, actor):
    kept = Unique(fields=("n",), states=("pending", "processing", "completed", "failed"))
    letters = [dead_letter(note.enqueue(n=n, unique=kept).fetch()) for n in (1, 2)]
    others = [note.enqueue(n=n, unique=kept) for n in (1, 2)]
    assert all(other.created for other in others)
    dead_letters.resolve(letters[0].pk, actor)
    dead_letters.discard(letters[1].pk, actor)
    assert not any(note.enqueue(n=n, unique=kept).created for n in (1, 2))


def test_a_redrive_asks_for_the_key(note, actor):
    kept = Unique(fields=("n",), period=60, states=("pending", "processing", "completed"))
    letter = dead_letter(note.enqueue(n=1, unique=kept).fetch())
    other = note.enqueue(n=1, unique=kept)
    finish(other.fetch())
    with pytest.raises(UniqueKeyTaken, match=str(other.id)):
        dead_letters.redrive(letter.pk, actor)
    lapse(other)
    dead_letters.redrive(letter.pk, actor)
    assert note.enqueue(n=1, unique=kept).id == letter.original_job_id


def test_many_of_all_modes(note):
    held = {n: note.enqueue(n=n, text="old", unique=BY_N) for n in (1, 2, 3)}
    lapse(held[3])

    def new(n, mode="skip", **options):
        return NewJob("note", {"n": n, "text": "new"}, {"unique": Unique(fields=("n",), mode=mode), **options})

    jobs = [new(4), new(2, "replace"), NewJob("note", {"n": 1}), new(1), new(3), new(4), new(5, "debounce", delay=9)]
    submitted = enqueue_many(jobs)
    assert [one.created for one in submitted] == [True, False, True, False, True, False, True]
    assert [submitted[1].id, submitted[3].id, submitted[5].id] == [held[2].id, held[1].id, submitted[0].id]
    assert (held[1].fetch().payload["text"], held[2].fetch().payload["text"]) == ("old", "new")
    with pytest.raises(UniqueKeyTaken, match=str(held[1].id)):
        enqueue_many([new(9), new(1, "raise")])
    fresh, taken = enqueue_each([new(9), new(1, "raise")])
    assert (fresh.created, taken.holder) == (True, held[1].id)
    with pytest.raises(NoneSubmitted) as caught:
        enqueue_each([new(10), new(1, "raise"), new(2, "replace")], all_or_none=True)
    assert set(caught.value.errors) == {1}
    assert not Job.objects.filter(payload__n=10).exists()


def test_among_many_the_last_of_those_that_replace_stays(note):
    replacing = Unique(fields=("n",), mode="replace")
    submitted = note.enqueue_many([{"n": 1, "text": text} for text in "abc"], unique=replacing)
    assert [one.created for one in submitted] == [True, False, False]
    assert {one.id for one in submitted} == {Job.objects.get().pk}
    assert Job.objects.get().payload["text"] == "c"


def test_many_take_few_statements(note, django_assert_num_queries):
    note.enqueue_many([{"n": n} for n in range(0, 300, 2)], unique=BY_N)
    # Two savepoints and their releases, the INSERT, and who holds what was not added.
    with django_assert_num_queries(6):
        note.enqueue_many([{"n": n} for n in range(300)], unique=BY_N)


def test_a_key_of_a_transaction_that_fails_is_free(note):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        assert note.enqueue(n=1, unique=BY_N).created
        _ = 1 / 0
    assert note.enqueue(n=1, unique=BY_N).created


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["skip", "raise", "replace", "debounce"])
def test_fifty_at_once_make_one_job(note, mode):
    def submit(number):
        try:
            return note.enqueue(n=1, text=str(number), delay=60, unique=Unique(fields=("n",), mode=mode))
        except UniqueKeyTaken as taken:
            return taken

    submitted = in_threads(50, submit)
    (saved,) = Job.objects.all()
    created = [one for one in submitted if getattr(one, "created", False)]
    assert [one.id for one in created] == [saved.pk]
    assert {getattr(one, "holder", None) or one.id for one in submitted} == {saved.pk}
    assert sum(isinstance(one, UniqueKeyTaken) for one in submitted) == (49 if mode == "raise" else 0)
    assert saved.version == (50 if mode in ("replace", "debounce") else 1)


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_take_the_key_of_a_lapsed_one_once(note):
    first = note.enqueue(n=1, unique=Unique(fields=("n",), period=60))
    lapse(first)
    submitted = in_threads(50, lambda number: note.enqueue(n=1, unique=Unique(fields=("n",), period=60)))
    assert sum(one.created for one in submitted) == 1
    assert Job.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_bulks_that_replace_and_take_over_in_other_orders_do_not_deadlock(note):
    """With holders that wait, run, have ended and have lapsed, and the callers' orders all different."""
    policy = {"fields": ("n",), "period": 60, "mode": "replace"}
    held = note.enqueue_many([{"n": n, "text": "old"} for n in range(30)], unique=Unique(**policy))
    for submitted in held[::3]:
        lapse(submitted)
    start(held[1].fetch())

    def submit(number):
        numbers = range(40)[:: -1 if number % 2 else 1]
        return enqueue_many([NewJob("note", {"n": n, "text": "new"}, {"unique": Unique(**policy)}) for n in numbers])

    in_threads(8, submit)
    assert Job.objects.count() == 30 + 10 + 10
    assert Job.objects.filter(payload__text="old").count() == 11, "the lapsed ones, and the one that runs"


def test_other_types_keys_do_not_meet(note, policy):
    assert enqueue("note", {}, unique=Unique()).created
    assert enqueue(policy.job_type.name, {}, unique=Unique()).created


@pytest.mark.usefixtures("database_roles")
@pytest.mark.parametrize("mode", ["skip", "replace"])
def test_users_have_their_own_keys_where_row_security_binds(note, mode):
    """What others hold is not seen, and is not in the way."""
    mei, other = UserFactory(), UserFactory()
    unique = Unique(fields=("n",), mode=mode, period=60)
    theirs = note.enqueue_many([{"n": 1, "text": "theirs"}], unique=unique, user=other)[0]
    with working_as("ekiden_app"), acting_as(mei):
        first = note.enqueue(n=1, text="a", unique=unique, user=mei)
        second, third = note.enqueue_many([{"n": 1, "text": "b"}, {"n": 2, "text": "b"}], unique=unique, user=mei)
        assert (first.created, second.created, second.id, third.created) == (True, False, first.id, True)
        assert first.fetch().payload["text"] == ("b" if mode == "replace" else "a")
        lapse(first)
        assert note.enqueue(n=1, text="c", unique=unique, user=mei).created
    assert theirs.fetch().payload["text"] == "theirs"

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from accounts.models import Workspace
from jobs import control
from jobs.enqueue import NewJob, enqueue, enqueue_each, enqueue_many
from jobs.exceptions import InvalidOption, InvalidPayload, NoneSubmitted, UnknownJobType
from jobs.models import Job
from jobs.options import EARLIEST
from jobs.statuses import Priority
from tests.database_roles import working_as
from tests.factories import UserFactory
from tests.jobs.rows import dead_letter, finish, start
from tests.jobs.test_payloads import NESTED_LISTS, documents
from tests.jobs.together import in_threads

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy(register):
    """A job type with a policy of its own."""

    def handler(ctx, n: int = 0): ...

    return register("policy", handler, queue="slow", priority=8, max_retries=1, timeout=9.5)


def test_a_row_with_what_its_type_and_the_settings_say(policy, note, settings):
    settings.JOB_QUEUE_MAX_RETRIES = 6
    saved = policy.enqueue(n=1).fetch()
    assert (saved.queue, saved.priority, saved.max_retries, saved.timeout) == ("slow", 8, 1, 9.5)
    saved = note.enqueue().fetch()
    assert (saved.queue, saved.priority, saved.max_retries, saved.timeout) == ("default", 5, 6, None)
    assert (saved.status, saved.attempt, saved.retry_count, saved.progress, saved.version) == ("pending", 0, 0, 0, 1)
    assert (saved.payload, saved.metadata, saved.tags, saved.error_history) == ({}, {}, [], [])
    assert abs(saved.scheduled_at - saved.created_at) < timedelta(seconds=1)


def test_choices_come_before_the_types_policy(policy):
    saved = policy.enqueue(queue="fast", priority=Priority.LOW, max_retries=0, timeout=2).fetch()
    assert (saved.queue, saved.priority, saved.max_retries, saved.timeout) == ("fast", 2, 0, 2)
    assert policy.enqueue(timeout=None).fetch().timeout is None


def test_every_choice_is_stored(note):
    parent, user, workspace = (
        note.enqueue().fetch(),
        UserFactory(email="u@example.org"),
        Workspace.objects.create(name="w"),
    )
    due = datetime(2026, 12, 24, 18, tzinfo=UTC)
    texts = {name: f"{name} 走" for name in ("unique_key", "concurrency_key", "project_name", "hostname", "arch")}
    chosen = {**texts, "scheduled_at": due, "tags": ("a", "b"), "metadata": {"k": [1]}, "timeout": 1.5}
    chosen |= {"user": user, "workspace": workspace, "parent": parent}
    alone = enqueue("note", {"a": 1}, **chosen)
    among_many = enqueue_many([NewJob("note", {"a": 1}, {**chosen, "unique_key": None})])
    for submitted, key in zip([alone, *among_many], ("unique_key 走", None), strict=True):
        saved = submitted.fetch()
        assert {name: getattr(saved, name) for name in texts} == {**texts, "unique_key": key}
        assert (saved.scheduled_at, saved.tags, saved.metadata, saved.timeout) == (due, ["a", "b"], {"k": [1]}, 1.5)
        assert (saved.user, saved.user_email, saved.workspace, saved.parent) == (
            user,
            "u@example.org",
            workspace,
            parent,
        )


def test_the_owners_address_stays_as_it_was(note):
    user = UserFactory(email="old@example.org")
    submitted = note.enqueue(user=user)
    user.email = "new@example.org"
    user.save()
    assert submitted.fetch().user_email == "old@example.org"
    user.delete()
    assert (submitted.fetch().user, submitted.fetch().user_email) == (None, "old@example.org")


def test_it_is_one_with_the_callers_transaction(note):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        note.enqueue(a=1)
        note.enqueue_many([{"a": 2}], unique_key="k")
        raise ZeroDivisionError
    assert not Job.objects.exists()


def test_a_savepoint_takes_back_its_own_jobs_only(note):
    with transaction.atomic():
        note.enqueue(a="kept")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            note.enqueue(a="lost")
            note.enqueue_many([{"a": "lost"}, {"a": "lost"}])
            raise ZeroDivisionError
    assert [saved.payload["a"] for saved in Job.objects.all()] == ["kept"]


@pytest.mark.parametrize(
    "payload",
    [
        {"a": "\x00"}, {"a": "\ud800"}, {"a": float("nan")}, {"a": NESTED_LISTS}, {"a": 10**400}, {1: 2}, {"a": {1}},
        {"a": "x" * 262_144}, [], "text", None,
    ],
)  # fmt: skip
@pytest.mark.parametrize("strict", [True, False])
def test_poison_is_an_error_before_any_write(payload, strict, note, register, django_assert_num_queries):
    register("strict", lambda ctx, b: ..., schema={"type": "object", "properties": {"b": {}}, "required": ["b"]})
    register("loose", lambda ctx: ..., schema={})
    name = "strict" if strict else "loose"
    with django_assert_num_queries(0):
        with pytest.raises(InvalidPayload):
            enqueue(name, payload)
        with pytest.raises(InvalidPayload):
            enqueue_many([NewJob("note", {}), NewJob(name, payload)])


@examples(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents)
def test_a_payload_is_stored_or_refused(note, document):
    try:
        submitted = enqueue("note", {"a": document})
    except InvalidPayload:
        return
    assert Job.objects.get(pk=submitted.id).payload.keys() == {"a"}


def test_wrong_choices_are_errors_before_any_write(note, django_assert_num_queries):
    with django_assert_num_queries(0):
        with pytest.raises(InvalidOption):
            enqueue("note", {}, priority=101)
        with pytest.raises(InvalidOption):
            enqueue_many([NewJob("note", {}), NewJob("note", {}, {"queue": "a b"})])
    # Somebody else may have registered it in another language.
    with django_assert_num_queries(1), pytest.raises(UnknownJobType):
        enqueue("nothing", {})


def test_delays_are_the_databases_time(note):
    many = note.enqueue_many([{}], delay=timedelta(minutes=5))
    for submitted in [note.enqueue(delay=300), *many]:
        saved = submitted.fetch()
        assert timedelta(seconds=299) < saved.scheduled_at - saved.created_at < timedelta(seconds=301)


def test_a_time_before_what_the_table_holds_is_as_due_as_the_earliest(note):
    long_ago = datetime(1975, 8, 26, tzinfo=UTC)
    for saved in (note.enqueue(scheduled_at=long_ago).fetch(), note.using(scheduled_at=long_ago).enqueue().fetch()):
        assert saved.scheduled_at == EARLIEST
    later = note.enqueue(delay=60).fetch()
    assert control.change(later.pk, None, scheduled_at=long_ago).scheduled_at == EARLIEST


def test_many_keep_their_order(note, policy):
    new = [
        NewJob("note" if n % 2 else "policy", {"n": n}, {"delay": 60} if n % 3 else {"unique_key": str(n)})
        for n in range(50)
    ]
    submitted = enqueue_many(new)
    assert [one.fetch().payload["n"] for one in submitted] == list(range(50))
    assert [one.id for one in submitted] == sorted(one.id for one in submitted)


@pytest.mark.usefixtures("database_roles")
def test_many_go_in_by_several_statements_and_where_row_security_binds(note, monkeypatch):
    monkeypatch.setattr("jobs.insert_statements.STATEMENT_MAX_LENGTH", 1_000)
    options = {"tags": ['"', "\\", "a,b", "{}", "NULL"], "metadata": {"big": 12345678901234567890.5}}
    payloads = [{"n": n, "text": "走" * n, "quote": "'\"\\%s"} for n in range(100)]
    with working_as("ekiden_worker"):
        submitted = enqueue_many([NewJob("note", payload, options) for payload in payloads])
    saved = {job.pk: job for job in Job.objects.all()}
    assert [saved[one.id].payload for one in submitted] == payloads
    assert {tuple(job.tags) for job in saved.values()} == {tuple(options["tags"])}


def test_many_or_none(note):
    with pytest.raises(InvalidPayload):
        enqueue_many([NewJob("note", {}), NewJob("note", {"a": float("nan")})])
    # An error that only the database finds takes all of them back too.
    nobody = UserFactory.build(pk="018f0000-0000-7000-8000-000000000000")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(Exception, match="violates foreign key"), transaction.atomic():
        enqueue_many([NewJob("note", {}), NewJob("note", {}, {"user": nobody, "unique_key": "k"})])
    assert not Job.objects.exists()
    assert enqueue_many([]) == []


def test_each_that_can_be(note):
    new = [NewJob("note", {}), NewJob("none", {}), NewJob("note", {"a": {1}}), NewJob("note", {}, {"tags": "x"})]
    first, *errors = enqueue_each(new)
    assert [type(error) for error in errors] == [UnknownJobType, InvalidPayload, InvalidOption]
    assert [saved.pk for saved in Job.objects.all()] == [first.id]
    with pytest.raises(NoneSubmitted) as caught:
        enqueue_each(new, all_or_none=True)
    assert set(caught.value.errors) == {1, 2, 3}
    assert Job.objects.count() == 1


def test_a_key_names_one_unfinished_job(note, policy):
    first = note.enqueue(a=1, unique_key="k")
    again = note.enqueue(a=2, unique_key="k")
    assert (first.created, again.created, again.id) == (True, False, first.id)
    assert policy.enqueue(unique_key="k").created, "another type's"
    assert note.enqueue(unique_key="k", user=UserFactory()).created, "another owner's"
    start(first.fetch())
    assert note.enqueue(unique_key="k").id == first.id, "while it runs"


def test_a_key_is_free_again_when_its_job_has_ended(note):
    first = note.enqueue(unique_key="k")
    finish(first.fetch())
    second = note.enqueue(unique_key="k")
    assert second.created
    dead_letter(second.fetch())
    assert note.enqueue(unique_key="k").created


def test_keys_among_many(note):
    holder = note.enqueue(unique_key="b")
    submitted = enqueue_many([NewJob("note", {"n": n}, {"unique_key": key}) for n, key in enumerate("cbcab")])
    assert [one.created for one in submitted] == [True, False, False, True, False]
    assert submitted[1].id == submitted[4].id == holder.id
    assert submitted[2].id == submitted[0].id


@pytest.mark.django_db(transaction=True)
def test_twenty_threads_with_one_key_make_one_job(note):
    submitted = in_threads(20, lambda n: note.enqueue(n=n, unique_key="k"))
    assert len({one.id for one in submitted}) == 1
    assert sum(one.created for one in submitted) == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_with_the_same_keys_in_other_orders_do_not_deadlock(note):
    keys = [str(key) for key in range(40)]

    def submit(number):
        return enqueue_many([NewJob("note", {}, {"unique_key": key}) for key in (keys[::-1] if number % 2 else keys)])

    for _ in range(3):
        results = in_threads(6, submit)
        assert {frozenset(one.id for one in result) for result in results} == {
            frozenset(Job.objects.values_list("id", flat=True))
        }
        Job.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_a_key_waits_for_the_transaction_that_holds_it(note):
    """The second caller is told of the first's job, or gets the key when the first rolls back."""
    entered, leave = threading.Event(), threading.Event()

    def hold_and_roll_back():
        try:
            with transaction.atomic():
                note.enqueue(unique_key="k")
                entered.set()
                leave.wait(30)
                transaction.set_rollback(True)
        finally:
            connection.close()

    holder = threading.Thread(target=hold_and_roll_back)
    holder.start()
    assert entered.wait(30)

    def release_when_someone_waits():
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        with connection.cursor() as cursor:
            while not leave.is_set():
                cursor.execute(waiting)
                if cursor.fetchone()[0]:
                    leave.set()
        connection.close()

    watcher = threading.Thread(target=release_when_someone_waits)
    watcher.start()
    try:
        submitted = note.enqueue(unique_key="k")
    finally:
        leave.set()
        holder.join()
        watcher.join()
    assert submitted.created
    assert [saved.pk for saved in Job.objects.all()] == [submitted.id]


def test_queues_of_other_languages_are_not_for_python_s_jobs(note):
    with pytest.raises(InvalidOption, match=r"lang\."):
        enqueue("note", {}, queue="lang.node")
    assert not Job.objects.exists()

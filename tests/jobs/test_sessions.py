"""What the database keeps of sessions by itself, whoever writes, and how old ones go."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from config.roles.declared import WORKER
from jobs import schemas, sessions
from jobs.chores import chores
from jobs.exceptions import InvalidOption
from jobs.models import Session
from jobs.registry import JobType, registry
from jobs.schemas import Validator
from jobs.sessions import NewSession
from jobs.testing import run_job
from tests.contracts.plans import Plan, nested_plans, plans_of
from tests.database_roles import working_as
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

COUNT = 20_000


def new(name: str = "s", **columns: Any) -> Session:
    columns = {"expires_at": timezone.now() + timedelta(hours=1), "language_title": "python-x", **columns}
    return Session.objects.create(request_id=name, **columns)


def sql(text: str, *parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.rowcount


@pytest.mark.parametrize("raised_by", [1, 5, 1000])
def test_the_trigger_counts_once_however_much_the_count_is_raised(raised_by: int) -> None:
    new()
    sql("UPDATE meta.sessions SET execution_count = execution_count + %s", raised_by)
    session = Session.objects.get()
    assert session.execution_count == 1
    assert session.last_executed_at is not None
    first = session.last_executed_at
    sql("UPDATE meta.sessions SET execution_count = execution_count + %s", raised_by)
    session.refresh_from_db()
    assert session.execution_count == 2
    assert session.last_executed_at is not None and session.last_executed_at > first


def test_other_changes_are_no_executions() -> None:
    new()
    sql("UPDATE meta.sessions SET status = 'closed', metadata = '{}', execution_count = execution_count")
    session = Session.objects.get()
    assert (session.execution_count, session.last_executed_at) == (0, None)


@pytest.mark.parametrize("change", ["status = 'open'", "execution_count = -1", "user_id = 'nobody'"])
def test_what_the_table_refuses(change: str) -> None:
    new()
    with pytest.raises(IntegrityError), transaction.atomic():
        sql(f"UPDATE meta.sessions SET {change}; SET CONSTRAINTS ALL IMMEDIATE")


def test_only_active_sessions_past_their_end_expire() -> None:
    ended = timezone.now() - timedelta(seconds=1)
    new("live")
    new("ended", expires_at=ended)
    new("closed", expires_at=ended, status="closed")
    assert Session.objects.cleanup_expired() == 1
    assert Session.objects.cleanup_expired() == 0
    statuses = dict(Session.objects.values_list("request_id", "status"))
    assert statuses == {"live": "active", "ended": "expired", "closed": "closed"}


def test_those_that_ended_first_expire_first() -> None:
    now = timezone.now()
    for hours in (1, 3, 2):
        new(f"{hours}h", expires_at=now - timedelta(hours=hours))
    assert Session.objects.cleanup_expired(2) == 2
    assert Session.objects.get(status="active").request_id == "1h"


def test_the_condition_says_expired_before_anybody_has_marked_it() -> None:
    new("ended", expires_at=timezone.now() - timedelta(seconds=1))
    new("live")
    assert dict(Session.objects.with_condition().values_list("request_id", "condition")) == {
        "ended": "expired",
        "live": "active",
    }
    assert [session.pk for session in Session.objects.live()] == ["live"]


def test_ended_sessions_go_after_their_days() -> None:
    now = timezone.now()
    for status in ("expired", "closed", "active"):
        new(f"old {status}", status=status, expires_at=now - timedelta(days=31))
        new(f"young {status}", status=status, expires_at=now - timedelta(days=29))
    assert Session.objects.delete_old(30, 1) == 1
    assert Session.objects.delete_old(30) == 1
    assert set(Session.objects.values_list("request_id", flat=True)) == {
        *("young expired", "young closed", "young active", "old active")
    }


def test_workers_tidy_sessions(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chores["sessions"].act is sessions.tidy
    monkeypatch.setattr(sessions, "AT_ONCE", 2)
    for n in range(5):
        new(f"old-{n}", expires_at=timezone.now() - timedelta(days=31))
    settings.SESSION_RETENTION_DAYS = 0
    sessions.tidy()
    assert list(Session.objects.values_list("status", flat=True)) == ["expired"] * 5
    settings.SESSION_RETENTION_DAYS = 30
    sessions.tidy()
    assert not Session.objects.exists()


@pytest.mark.parametrize("ttl", [0, -1, 0.5, 86_401, float("nan"), float("inf")])
def test_a_life_out_of_range(ttl: float) -> None:
    with pytest.raises(InvalidOption, match="ttl"):
        sessions.open_session(UserFactory(), NewSession("python-summarize", {}, {}, ttl))
    assert not Session.objects.exists()


@pytest.mark.usefixtures("database_roles")
def test_the_workers_role_may_tidy_and_runs_into_no_policy() -> None:
    ended = timezone.now() - timedelta(days=40)
    new("of a user", user=UserFactory(), expires_at=ended)
    new("of nobody", expires_at=ended)
    with working_as(WORKER):
        sessions.tidy()
    assert not Session.objects.exists()


def test_one_run_of_the_chore_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "AT_ONCE", 2)
    monkeypatch.setattr(sessions, "BATCHES", 2)
    for n in range(5):
        new(f"old-{n}", expires_at=timezone.now() - timedelta(hours=1))
    sessions.tidy()
    assert Session.objects.filter(status="active").count() == 1


@pytest.mark.parametrize(
    ("schema", "context", "fits"),
    [
        ({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]}, {"a": 1}, True),
        ({"properties": {"a": {"type": "string"}}}, {"a": 1}, False),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"c": 1}, False),
        ({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "null"}}}, {"a": 1}, False),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, True),
        ({"minProperties": 2}, {}, True),
        ({"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}}, {}, True),
    ],
)
def test_a_context_is_held_to_what_can_be_said_of_a_part(schema: Any, context: Any, fits: bool) -> None:
    assert (Validator(schemas.of_a_part(schema)).violations(context) == []) is fits


def session_of(ctx: Any) -> str | None:
    """Say which session it belongs to."""
    session: str | None = ctx.job.session
    return session


def test_a_handler_can_tell_its_session() -> None:
    registry.add(JobType("session-of", session_of))
    try:
        user = UserFactory()
        session = sessions.open_session(user, NewSession("python-session-of", {}, {}))
        job = run_job(sessions.execute(session, user, {}).fetch())
        assert job.result == session.pk
    finally:
        registry.remove("session-of")


@pytest.fixture
def many() -> str:
    """A table of sessions, a few of which ended lately or long ago, and few of which are the first user's."""
    users = [user.user_id for user in UserFactory.create_batch(10)]
    sql(
        "INSERT INTO meta.sessions (request_id, language_title, user_id, status, expires_at)"
        " SELECT public.ekiden_uuid7()::text, 'python-x',"
        " (%s::text[])[CASE n %% 200 WHEN 0 THEN 1 ELSE 2 + n %% 9 END],"
        " CASE WHEN n %% 3 = 0 THEN 'active' ELSE 'closed' END, now() + (n - 200) * interval '1 hour'"
        " FROM generate_series(1, %s) AS n",
        users,
        COUNT,
    )
    sql("ANALYZE meta.sessions")
    return users[0]


def assert_reads(index: str, *plans: Plan) -> None:
    assert index in set().union(*(plan.indexes("sessions") for plan in plans))
    assert all("sessions" not in plan.read_whole() for plan in plans)


def test_plans_of_lists(many: str) -> None:
    (plan,) = plans_of(lambda: list(Session.objects.filter(user_id=many).order_by("-request_id")[:51]))
    assert_reads("session_owned", plan)
    assert not plan.sorts()
    (plan,) = plans_of(lambda: list(Session.objects.with_condition().order_by("-request_id")[:51]))
    assert_reads("sessions_pkey", plan)
    assert not plan.sorts()


def test_plans_of_the_clean_up_and_of_an_execute(many: str) -> None:
    # Ten, not a hundred: of so small a table a hundred may as well be found by reading all of it.
    assert_reads("session_expiry", *nested_plans(lambda: Session.objects.cleanup_expired(10)))
    assert_reads("session_retention", *nested_plans(lambda: Session.objects.delete_old(3, 10)))
    key = Session.objects.values_list("pk", flat=True)[0]
    (plan,) = plans_of(lambda: Session.objects.live().filter(pk=key).update(execution_count=1))
    # Django gives the key a second index, for LIKE, which is as good.
    assert plan.indexes("sessions") and all("request_id" in str(n.get("Index Cond")) for n in plan.nodes("ModifyTable"))

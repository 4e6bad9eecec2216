from datetime import timedelta

import jsonschema_rs
import pytest
from asgiref.sync import async_to_sync

from jobs.backoff import constant
from jobs.decorators import job
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.models import Job
from jobs.registry import registry
from jobs.statuses import Priority
from tests.factories import UserFactory


def plain(ctx): ...
async def coroutine(ctx): ...


def test_a_handler_is_still_a_function(register):
    def add(ctx, a: int, b: int = 2) -> int:
        """Add two numbers."""
        return a + b

    handler = register("add", add)
    assert handler(None, 1) == 3
    assert handler(None, a=1, b=5) == 6
    assert (handler.__doc__, handler.__name__, handler.__wrapped__) == ("Add two numbers.", "add", add)
    assert repr(handler) == "<job add>"


def test_a_policy_is_kept(register):
    backoff = constant(3)
    job_type = register(
        "policy", plain, queue="slow", max_retries=7, timeout=1.5, priority=Priority.HIGH, backoff=backoff,
        isolation="process",
    ).job_type  # fmt: skip
    assert (job_type.queue, job_type.max_retries, job_type.timeout, job_type.priority) == ("slow", 7, 1.5, 8)
    assert (job_type.backoff, job_type.isolation, job_type.atomic) == (backoff, "process", False)


def test_defaults_of_a_policy(register):
    job_type = register("policy", plain).job_type
    assert (job_type.queue, job_type.max_retries, job_type.timeout, job_type.priority) == ("default", None, None, 5)
    assert [job_type.backoff(n) for n in range(3)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("function", "options", "reason"),
    [
        (coroutine, {"atomic": True}, "neither atomic nor in a process"),
        (coroutine, {"isolation": "process"}, "neither atomic nor in a process"),
        (plain, {"atomic": True, "isolation": "process"}, "cannot run in a child process"),
        (plain, {"isolation": "container"}, "'thread' or 'process'"),
        (lambda: None, {}, "first argument"),
    ],
)
def test_what_cannot_be_is_refused_at_import(function, options, reason):
    with pytest.raises(TypeError, match=reason):
        job("impossible", **options)(function)
    assert "impossible" not in registry


@pytest.mark.parametrize(
    "options",
    [{"queue": "no spaces"}, {"queue": ".."}, {"priority": 101}, {"priority": -1}, {"max_retries": -1}, {"timeout": 0}],
)
def test_a_policy_out_of_its_range_is_refused_at_import(options):
    (name,) = options
    with pytest.raises(InvalidOption) as caught:
        job("impossible", **options)(plain)
    assert caught.value.option == name
    assert "impossible" not in registry


@pytest.mark.parametrize("name", ["", "x" * 256, "nul\x00", "half\ud800", 5])
def test_a_name_that_cannot_be_stored_is_refused_at_import(name):
    with pytest.raises(InvalidOption) as caught:
        job(name)(plain)
    assert caught.value.option == "job_type"


def test_a_wrong_schema_is_refused_at_import():
    with pytest.raises(jsonschema_rs.ValidationError):
        job("impossible", schema={"type": "strin"})(plain)
    assert "impossible" not in registry


def test_a_default_that_json_has_no_form_for_is_left_out_of_the_schema(register):
    def handler(ctx, wait=timedelta(1), n: int = 1): ...

    assert register("odd", handler).job_type.schema["properties"] == {
        "wait": {},
        "n": {"type": "integer", "default": 1},
    }


@pytest.mark.django_db
def test_keywords_are_payload_and_options_by_name(note):
    user = UserFactory(email="eve@example.org")
    submitted = note.enqueue(url="x", delay=60, priority=9, tags=["a"], unique_key="k", user=user, metadata={"m": 1})
    saved = submitted.fetch()
    assert saved.payload == {"url": "x"}
    assert (saved.priority, saved.tags, saved.unique_key, saved.metadata) == (9, ["a"], "k", {"m": 1})
    assert (saved.user, saved.user_email) == (user, "eve@example.org")
    assert saved.scheduled_at - saved.created_at > timedelta(seconds=59)


@pytest.mark.django_db
def test_a_parameter_named_like_an_option_is_payload(register):
    def handler(ctx, priority: str, queue: str = "q"): ...

    handler = register("named", handler)
    assert handler.enqueue(priority="high", tags=["t"]).fetch().payload == {"priority": "high"}
    saved = handler.using(priority=9, queue="other").enqueue(priority="high", queue="mine").fetch()
    assert (saved.priority, saved.queue, saved.payload) == (9, "other", {"priority": "high", "queue": "mine"})


@pytest.mark.django_db
def test_using_leaves_the_next_submission_alone(note):
    note.using(priority=9).enqueue(a=1)
    assert note.enqueue(a=2).fetch().priority == 5


@pytest.mark.django_db
def test_many_payloads_share_options(note):
    submitted = note.enqueue_many([{"n": n} for n in range(5)], tags=["bulk"], priority=2)
    saved = [new.fetch() for new in submitted]
    assert [(one.payload["n"], one.tags, one.priority) for one in saved] == [(n, ["bulk"], 2) for n in range(5)]


@pytest.mark.django_db
def test_a_payload_beside_the_signature_is_refused(register):
    def handler(ctx, url: str): ...

    handler = register("strict", handler)
    with pytest.raises(InvalidPayload):
        handler.enqueue(url=5)
    with pytest.raises(InvalidPayload):
        handler.enqueue(url="x", timeout_ms=5)
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_coroutines_submit_too(note):
    async def submit():
        return await note.aenqueue(a=1, priority=9), await note.using(queue="slow").aenqueue(a=2)

    jobs = [new.fetch() for new in async_to_sync(submit)()]
    assert [(one.payload, one.priority, one.queue) for one in jobs] == [({"a": 1}, 9, "default"), ({"a": 2}, 5, "slow")]

"""What jobs are submitted with: keys made of payloads, limits, and lanes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import lanes
from jobs.exceptions import InvalidOption
from jobs.models import Queue
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def import_feed(ctx, tenant_id: int, kind: str = "full"):
    pass


def facts(submitted):
    job = submitted.fetch()
    return job.concurrency_key, job.concurrency_limit, job.rate_limit, job.lane_key


def test_a_key_alone_means_one_at_a_time(note):
    assert facts(note.enqueue(concurrency_key="k")) == ("k", 1, None, "k:k")
    assert facts(note.enqueue(concurrency_key="k", concurrency_limit=3)) == ("k", 3, None, "k:k")
    assert facts(note.enqueue(concurrency_key="k", rate_limit="60/m")) == ("k", None, "60/m", "k:k")
    assert facts(note.enqueue()) == (None, None, None, None)


def test_a_handler_makes_keys_of_its_payload(register):
    handler = register("import_feed", import_feed, concurrency_key="{kind}:{tenant_id}", concurrency_limit=2)
    assert facts(handler.enqueue(tenant_id=7)) == ("full:7", 2, None, "k:full:7")
    (many,) = handler.enqueue_many([{"tenant_id": 8, "kind": "part"}])
    assert facts(many) == ("part:8", 2, None, "k:part:8")
    chosen = handler.using(concurrency_key="mine", concurrency_limit=9).enqueue(tenant_id=7)
    assert facts(chosen) == ("mine", 9, None, "k:mine")
    assert facts(handler.using(concurrency_key=None).enqueue(tenant_id=7)) == (None, None, None, None)


def test_a_key_may_be_a_function_of_the_payload(register):
    def key(payload):
        return "big" if payload["tenant_id"] > 100 else None

    handler = register("import_feed", import_feed, concurrency_key=key, rate_limit="10/30s")
    assert facts(handler.enqueue(tenant_id=101)) == ("big", None, "10/30s", "k:big")
    assert facts(handler.enqueue(tenant_id=1)) == (None, None, None, None)


def test_a_template_that_does_not_fit_the_payload_is_an_error(register):
    handler = register("import_feed", lambda ctx, **payload: None, concurrency_key="tenant:{tenant_id}")
    with pytest.raises(InvalidOption, match="cannot be made of this payload"):
        handler.enqueue(other=1)
    with pytest.raises(InvalidOption, match="255"):
        handler.enqueue(tenant_id="x" * 256)


def test_limits_without_a_key_are_errors(note, register):
    with pytest.raises(InvalidOption, match="rate_limit: needs a concurrency_key"):
        note.enqueue(rate_limit="60/m")
    with pytest.raises(TypeError, match="need a concurrency_key"):
        register("import_feed", import_feed, concurrency_limit=3)
    with pytest.raises(InvalidOption, match="rate_limit"):
        register("import_feed", import_feed, concurrency_key="k", rate_limit="often")


def test_an_expiry_is_a_moment_or_a_time_from_now(note):
    moment = timezone.now() + timedelta(hours=3)
    assert note.enqueue(expires_at=moment).fetch().expires_at == moment
    soon = note.enqueue(expires_at=timedelta(hours=3)).fetch()
    (many,) = note.enqueue_many([{}], expires_at=timedelta(hours=3))
    for job in (soon, many.fetch()):
        assert timedelta(hours=2) < job.expires_at - timezone.now() <= timedelta(hours=3)


def test_which_queues_are_fair_is_asked_now_and_then(note, monkeypatch, django_assert_num_queries):
    user = UserFactory()
    Queue.objects.create(name="fair", fair=True)
    lanes.forget()
    with django_assert_num_queries(2):
        job = note.enqueue(queue="fair", user=user)
    assert job.fetch().lane_key == f"u:{user.pk}"
    with django_assert_num_queries(1):
        note.enqueue(queue="fair", user=user)
    Queue.objects.update(fair=False)
    monkeypatch.setattr(lanes, "_fresh_until", 0.0)
    assert note.enqueue(queue="fair", user=user).fetch().lane_key is None

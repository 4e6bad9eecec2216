"""Priorities by a job's owner: who gets which, and where the owner is known."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from accounts.tiers import Tier
from jobs.context import Context
from jobs.decorators import Handler
from jobs.enqueue import NewJob, enqueue, enqueue_many
from jobs.exceptions import InvalidOption
from jobs.models import Job
from jobs.priorities import by_tier
from jobs.registry import registry
from jobs.testing import run_job
from jobs.workflows import Step, enqueue_workflow
from tests.api_client import client_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def user(tier: str) -> User:
    return UserFactory(tier=tier)


@pytest.fixture
def tiered(register: Callable[..., Handler]) -> Handler:
    def work(ctx: Context) -> None:
        """Do nothing."""

    return register("tiered", work, priority=by_tier(5))


def priorities() -> list[int]:
    return list(Job.objects.filter(job_type="tiered").order_by("id").values_list("priority", flat=True))


@pytest.mark.parametrize(
    ("usual", "free", "standard", "premium"),
    [(1, 1, 1, 2), (3, 2, 3, 3), (5, 4, 5, 6), (7, 7, 7, 8), (9, 8, 9, 9), (10, 10, 10, 10)],
)
def test_a_tier_moves_a_job_within_its_level(usual: int, free: int, standard: int, premium: int) -> None:
    priority_of = by_tier(usual)
    assert [priority_of(user(tier)) for tier in Tier] == [free, standard, premium]
    assert priority_of(None) == usual


@pytest.mark.parametrize("usual", [0, 11, 100])
def test_a_number_outside_of_the_levels_is_refused(usual: int) -> None:
    with pytest.raises(ValueError, match="no named level"):
        by_tier(usual)


def test_the_owner_decides_wherever_a_job_comes_from(tiered: Handler) -> None:
    premium, free = user("premium"), user("free")
    enqueue("tiered", {}, user=premium)
    enqueue("tiered", {})
    enqueue_many([NewJob("tiered", {}, {"user": free})])
    enqueue_workflow({"a": Step(NewJob("tiered", {}))}, user=premium)
    assert client_of(free).post("/api/v1/jobs", {"type": "tiered"}).status_code == 201
    assert priorities() == [6, 5, 4, 6, 4]


def test_what_is_asked_for_counts_more_than_the_owner(tiered: Handler) -> None:
    enqueue("tiered", {}, user=user("premium"), priority=1)
    assert priorities() == [1]


def test_what_a_handler_submits_goes_by_the_owner_of_its_job(tiered: Handler, register: Callable[..., Handler]) -> None:
    def parent(ctx: Context) -> None:
        ctx.enqueue("tiered")
        ctx.enqueue("tiered", priority=9)

    register("parent", parent)
    run_job(enqueue("parent", {}, user=user("free")))
    run_job(enqueue("parent", {}))
    assert priorities() == [4, 9, 5, 9]
    assert Job.objects.filter(job_type="tiered", user=None).count() == 2


def test_a_function_that_gives_no_priority_is_told_by_name(register: Callable[..., Handler]) -> None:
    def wrong(user: Any) -> int:
        return 5 if user is None else 101

    register("wrong", lambda ctx: None, priority=wrong, schema={})
    with pytest.raises(InvalidOption, match="priority"):
        enqueue("wrong", {}, user=user("free"))


def test_the_products_own_types_have_the_priorities_of_their_levels() -> None:
    wanted = {
        "extract_content": (4, 5, 6),
        "summarize": (7, 7, 8),
        "validate_summary": (4, 5, 6),
        "generate_podcast": (4, 5, 6),
        "calculate_similarity": (2, 3, 3),
    }
    there = {name: registry.get(name) for name in wanted if name in registry}
    found = {name: tuple(job_type.priority_of(user(tier)) for tier in Tier) for name, job_type in there.items()}
    assert found == {name: wanted[name] for name in there}

"""The three readers of a query agree about every job: plain Python, PostgreSQL and the search engine.

Jobs hold what is nasty to one of them or another, and queries ask for it. `STORM=1 make storm` goes on for longer, by
chance and with new jobs each time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings

from jobs.models import Job
from jobs.search.as_dsl import as_dsl
from jobs.search.as_q import as_q
from jobs.search.documents import document, documentable
from jobs.search.engine.operations import Operation
from jobs.search.language.evaluation import fits
from jobs.search.language.tree import EVERYTHING, NOTHING, And, Node, Not, Or
from jobs.search.mapping import index_body
from tests.jobs.search import traps, trees
from tests.search_server import SearchServer, alias_at

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

STORMING = bool(os.environ.get("STORM"))
SEED = Random().getrandbits(32) if STORMING else 4
#: Beside those of the traps.
JOBS = 400 if STORMING else 40


@dataclass(frozen=True)
class Laid:
    """The same jobs in Python, in PostgreSQL and in an index of the engine."""

    jobs: list[Job]
    server: SearchServer
    index: str

    def by_python(self, tree: Node) -> set[UUID]:
        return {job.pk for job in self.jobs if fits(tree, job)}

    def by_postgresql(self, tree: Node) -> set[UUID]:
        return set(Job.objects.filter(as_q(tree)).values_list("pk", flat=True))

    def by_engine(self, tree: Node) -> set[UUID]:
        body: dict[str, Any] = {"query": {"bool": {"filter": [as_dsl(tree)]}}, "size": len(self.jobs), "_source": False}
        # Pieces of thousands of equal characters take their time.
        found = self.server.engine.search(self.index, body, timeout=60)
        return {UUID(hit["_id"]) for hit in found["hits"]["hits"]}


@pytest.fixture(scope="module")
def laid(django_db_setup: None, django_db_blocker: Any, search_url: str) -> Iterator[Laid]:
    random = Random(SEED)
    print(f"jobs of seed {SEED}")
    with django_db_blocker.unblock(), alias_at(search_url) as server, transaction.atomic():
        jobs = trees.lay([*traps.jobs(random), *(trees.job(random) for _ in range(JOBS))])
        index = server.new_index()
        server.engine.create_index(index, index_body())
        written = [Operation(index, str(job.pk), job.version, document(job)) for job in documentable(Job.objects.all())]
        for result in server.engine.bulk(written):
            assert result.done, result
        server.engine.refresh(index)
        yield Laid(jobs, server, index)
        transaction.set_rollback(True)


def check(laid: Laid, tree: Node) -> None:
    expected, queried, searched = laid.by_python(tree), laid.by_postgresql(tree), laid.by_engine(tree)
    if queried != expected or searched != expected:
        for part in parts_of(tree):
            check(laid, part)
    # Now it is the smallest part of the tree that they disagree about.
    assert {job: (as_q(tree), tree) for job in queried ^ expected} == {}
    assert {job: (as_dsl(tree), tree) for job in searched ^ expected} == {}


def parts_of(tree: Node) -> tuple[Node, ...]:
    match tree:
        case And(parts) | Or(parts):
            return parts
        case Not(part):
            return (part,)
        case _:
            return ()


@pytest.mark.timeout(7_200 if STORMING else 300)
def test_readers_agree(laid: Laid) -> None:
    found = []

    @settings(
        max_examples=20_000 if STORMING else 60,
        deadline=None,
        derandomize=not STORMING,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if STORMING else [])],
        suppress_health_check=list(HealthCheck),
    )
    @given(trees.trees)
    def agree(tree: Node) -> None:
        check(laid, tree)
        found.append(len(laid.by_python(tree)))

    agree()
    # Queries that find nothing, or everything, would prove nothing.
    assert sum(0 < number < len(laid.jobs) for number in found) > len(found) / 4


def test_readers_agree_where_one_of_them_may_be_wrong(laid: Laid) -> None:
    everyone = {job.pk for job in laid.jobs}
    for tree in traps.queries():
        check(laid, tree)
        # NULL is what PostgreSQL could give instead of false.
        assert laid.by_postgresql(Not(tree)) == everyone - laid.by_postgresql(tree), tree


@pytest.mark.parametrize("tree", [EVERYTHING, NOTHING, Not(EVERYTHING), Not(NOTHING), Not(Not(EVERYTHING))], ids=repr)
def test_readers_agree_about_everything_and_nothing(laid: Laid, tree: Node) -> None:
    check(laid, tree)

"""A search engine that fails in every way, beside workers that die: searches go on, and afterwards all agrees."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from rest_framework.test import APIClient

from accounts import keys
from accounts.roles import Role
from jobs.models import SearchRejection
from jobs.search.engine import circuit, link
from jobs.search.engine.failures import EngineError
from jobs.search.sync import enabling
from jobs.search.sync.reconciling import reconcile
from jobs.search.sync.reindexing import reindex
from jobs.search.sync.state import figures
from jobs.search.sync.syncing import Syncer
from tests import fault_proxy
from tests.acceptance.crash_scenarios import BRISK
from tests.acceptance.nursery import Copy, Nursery
from tests.acceptance.stage import Stage, wait_until
from tests.factories import UserFactory
from tests.fault_proxy import Fault, FaultProxy
from tests.jobs.search.sync.agreement import assert_agreement
from tests.search_server import SearchServer

#: `STORM=300 make storm` storms for so many seconds on a seed of its own.
STORM_SECONDS = int(os.environ.get("STORM", "0"))
#: The engine's time-out, PostgreSQL's, and a machine that does much else.
PROMPT_SECONDS = 15.0

QUERIES = (
    *("", "status:completed", "tags:storm", "metadata.round:>=2 NOT project_name:stormy-1", "created_at:[now-1h TO *]"),
    *('project_name:stormy* AND (priority:>=5 OR hostname:"host 7")', '"the wind"', "status:pending OR attempt:>=1"),
)
#: What happens to writes, a few times each: the sync tries again by itself, and goes on.
PASSING: dict[str, Fault] = {
    "reset": fault_proxy.resets,
    "reset when it was done": fault_proxy.resets_afterwards,
    "429": fault_proxy.rate_limited(),
    "503": fault_proxy.unavailable,
    "red": fault_proxy.red,
    "413": fault_proxy.too_large,
    "truncated": fault_proxy.truncates,
    "cut JSON": fault_proxy.cuts_json,
    "read-only": fault_proxy.read_only,
    "slow": fault_proxy.slow(0.2),
}
#: What searches meet beside it, until the engine is well.
OF_SEARCHES = (*PASSING.values(), fault_proxy.partial, fault_proxy.timed_out, fault_proxy.dawdles)

#: Where workers die by themselves: between what they have sent and what they write down of it.
DEATHS = ("after_search_bulk", "before_search_mark_commit", "after_search_mark_commit")

_CHANGE = """
UPDATE job_queue SET
    metadata = metadata || jsonb_build_object('round', %(round)s, 'note', 'the wind of round ' || %(round)s),
    project_name = 'stormy-' || %(round)s %% 5, hostname = 'host ' || %(round)s, tags = ARRAY['storm']
WHERE id IN (SELECT id FROM job_queue WHERE status <> 'processing' ORDER BY md5(id::text || %(round)s) LIMIT 15
             FOR UPDATE SKIP LOCKED)
"""
_DELETE = """
DELETE FROM job_queue WHERE id IN (SELECT id FROM job_queue WHERE status = 'completed'
                                   ORDER BY md5(id::text || %s) LIMIT 4 FOR UPDATE SKIP LOCKED)
"""


class Searcher(threading.Thread):
    """Somebody who searches all the time, and writes down what is not as it should be."""

    def __init__(self, key: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.key, self._chance, self._over = key, random.Random(seed), threading.Event()
        self.sources: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        client = APIClient(headers={"Authorization": f"Bearer {self.key}"})
        while not self._over.wait(0.01):
            self._ask(client, self._chance.choice(QUERIES))
        connections.close_all()

    def stop(self) -> None:
        self._over.set()
        self.join(60)

    def _ask(self, client: APIClient, q: str) -> None:
        asked: dict[str, Any] = {"q": q, **({"facets": "status,tags"} if self._chance.random() < 0.3 else {})}
        began = time.monotonic()
        response = client.get("/api/v1/jobs/search", asked)
        if response.status_code != 200 or time.monotonic() - began > PROMPT_SECONDS:
            took = time.monotonic() - began
            self.wrong.append(f"{q!r}: {response.status_code} after {took:.1f} s, {response.content[:300]!r}")
            return
        self.sources[response.json()["source"]] += 1


class Storm:
    """Workers, an engine behind its proxy, and what is done to both."""

    def __init__(self, stage: Stage, nursery: Nursery, proxy: FaultProxy, seed: int) -> None:
        self.stage, self.nursery, self.proxy = stage, nursery, proxy
        self.chance = random.Random(seed)
        self.round = 0
        self.workers = [self.start() for _ in range(2)]

    def start(self) -> Copy:
        """A worker, every other of which dies of itself between what it sends and its mark."""
        doomed = self.chance.random() < 0.5
        point = f"{self.chance.choice(DEATHS)}:{self.chance.randint(1, 4)}" if doomed else ""
        return self.nursery.start("worker", "--concurrency=4", *BRISK, point=point)

    def churn(self) -> None:
        """Submit, change and delete jobs; every other time they are sent from here as well, as by `search sync`."""
        self.round += 1
        self.stage.submit_many("proof_awork", 15, {"seconds": round(self.chance.uniform(0, 0.05), 3)}, max_retries=60)
        self.stage.db.execute(_CHANGE, {"round": self.round})
        self.stage.db.execute(_DELETE, [self.round])
        if self.chance.random() < 0.5:
            with suppress(EngineError):
                Syncer(settle=0.0).round()

    def pass_through(self, fault: Fault) -> None:
        """Fail a few writes, and all searches until the workers have met it."""
        self.pass_time()
        before = self.proxy.count("POST", "_bulk")
        self.proxy.fail(self.chance.choice(OF_SEARCHES), "POST", "_search")
        self.proxy.fail(fault, "POST", "_bulk", self.chance.randint(1, 3))
        self.churn()
        self.proxy.wait_for("POST", "_bulk", before + 1, 90)
        if self.chance.random() < 0.4:
            self.kill_one()
        self.proxy.heal()

    def be_away(self, searcher: Searcher) -> None:
        """Refuse everything until some searches were answered all the same."""
        with self.proxy.refusing():
            before = searcher.sources["postgresql"]
            self.churn()
            wait_until(
                lambda: searcher.wrong or searcher.sources["postgresql"] > before + 2, 60, "PostgreSQL's answers"
            )

    def pass_time(self) -> None:
        """In the short form, have the slots of the dead free as if it were later.

        Whoever lives and sends loses theirs, which does no harm.
        """
        if not STORM_SECONDS:
            self.stage.db.execute("UPDATE job_search_slots SET held_until = held_until - interval '1 minute'")

    def kill_one(self) -> None:
        victim = self.chance.randrange(len(self.workers))
        if not self.workers[victim].is_dead():
            self.workers[victim].kill()
        self.workers[victim] = self.start()

    def heal(self) -> None:
        """Have one worker that lives, no faults, and wait until nothing is left to do or to send."""
        self.proxy.heal()
        for worker in self.workers:
            if not worker.is_dead():
                worker.kill()
        self.workers = [self.nursery.start("worker", "--concurrency=4", *BRISK)]
        self.stage.wait_for_all("completed", seconds=90)
        self.pass_time()
        SearchRejection.objects.update(retry_at=Now())
        wait_until(_is_quiet, 120, "everything to be sent")

    def lose_everything(self, server: SearchServer, searcher: Searcher) -> None:
        """Kill the engine, as one that keeps all in memory: it comes back with nothing."""
        with self.proxy.refusing():
            for name in server.engine.indexes(server.alias):
                server.engine.delete_index(name)
        before = searcher.sources["postgresql"]
        self.churn()
        wait_until(lambda: searcher.wrong or searcher.sources["postgresql"] > before + 2, 60, "PostgreSQL's answers")
        # Nothing else helps, as the doctor says.
        reindex()


def _is_quiet() -> bool:
    now = figures()
    return not (now.dirty or now.tombstones or now.rejections)


@pytest.fixture
def enabled(
    stage: Stage, faulty_engine: FaultProxy, search_engine: SearchServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultProxy]:
    """Search switched on over the proxy, for this process and for the stage's workers."""
    settings.ELASTICSEARCH_TIMEOUT = 0.5
    # So short that searches come to the engine while it is unwell, and soon after it is well again.
    monkeypatch.setattr(circuit, "OPEN_FOR", 0.2)
    monkeypatch.setattr(circuit, "OPEN_FOR_AT_MOST", 1.0)
    link.forget()
    own = {"URL": faulty_engine.url, "INDEX": search_engine.alias, "TIMEOUT": "500ms"}
    stage.environment.update({f"ELASTICSEARCH_{name}": value for name, value in own.items()})
    enabling.prepare()
    reindex()
    yield faulty_engine
    faulty_engine.heal()
    enabling.disable()


@pytest.fixture
def searcher(enabled: FaultProxy) -> Iterator[Searcher]:
    key = keys.issue(UserFactory(role=Role.OPERATOR, rate_limit_per_minute=1_000_000))
    thread = Searcher(key, 5)
    thread.start()
    yield thread
    thread.stop()


def check(stage: Stage, key: str) -> None:
    """Engine and database hold the same, and searches say so."""
    assert_agreement()
    assert reconcile().total == 0
    client = APIClient(headers={"Authorization": f"Bearer {key}"})

    def answer() -> Any:
        found = client.get("/api/v1/jobs/search").json()
        return found if found["source"] == "elasticsearch" else None

    # The circuit closes by itself.
    found = wait_until(answer, 60, "the engine to be asked again")
    assert (found["degraded"], found["total"]["value"]) == (False, sum(stage.counts().values()))


@pytest.mark.timeout(STORM_SECONDS + 300)
def test_whatever_the_engine_does_searches_go_on_and_afterwards_it_agrees(
    stage: Stage, search_engine: SearchServer, enabled: FaultProxy, searcher: Searcher
) -> None:
    seed = int(os.environ.get("STORM_SEED", "0")) or (random.SystemRandom().randrange(1 << 32) if STORM_SECONDS else 7)
    print(f"STORM_SEED={seed}")
    nursery = Nursery(stage)
    ends = time.monotonic() + STORM_SECONDS
    try:
        storm = Storm(stage, nursery, enabled, seed)
        while storm.round == 0 or time.monotonic() < ends:
            faults = list(PASSING.values())
            storm.chance.shuffle(faults)
            for fault in faults:
                storm.pass_through(fault)
            storm.be_away(searcher)
            if STORM_SECONDS and storm.chance.random() < 0.2:
                storm.lose_everything(search_engine, searcher)
        storm.heal()
        check(stage, searcher.key)
        storm.lose_everything(search_engine, searcher)
        storm.heal()
        check(stage, searcher.key)
    finally:
        nursery.close()
    searcher.stop()
    assert not searcher.wrong
    assert min(searcher.sources["elasticsearch"], searcher.sources["postgresql"]) > 10, searcher.sources

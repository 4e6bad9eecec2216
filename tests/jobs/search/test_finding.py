"""Searches with an engine that answers, or fails in every way that it can, and nobody is told what is wrong."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import User
from accounts.roles import Role
from jobs.models import Job, SearchIndex
from jobs.models.job import JobQuerySet
from jobs.search import by_engine, fallback, finding
from jobs.search.asking import Asked, Found
from jobs.search.engine import link
from jobs.search.language.parsing import parse
from jobs.search.sorting import SORTS
from tests import fault_proxy
from tests.api_client import client_of, problem, with_key
from tests.factories import UserFactory
from tests.fault_proxy import Fault, FaultProxy
from tests.jobs.rows import new_job
from tests.jobs.search.indexed import Indexed
from tests.jobs.search.searches import LIE, SEARCH, by_postgresql, ids, lay, search

pytestmark = pytest.mark.django_db

QUERIES = (
    *("", "status:dead_letter", "arch:arm64 OR arch:amd64", "NOT _exists_:arch", "project:compiler-1", "rack"),
    *("metadata.cpuCores:>=4", "hostname:*-3", "tags:night -tags:t1", "error:away AND created_at:[now-1d TO now+1d]"),
)


def test_the_engine_answers_as_postgresql_would(client: APIClient, ada: User, indexed: Indexed) -> None:
    lay(ada)
    indexed.send()
    asked = {"facets": "status,job_type,arch,tags,priority,error_class", "limit": 3}

    for q in QUERIES:
        answer, expected = search(client, q, **asked), by_postgresql(client, q, **asked)

        assert answer["data"], q
        for name in ("data", "total", "facets", "highlights"):
            assert answer[name] == expected[name], (q, name)


def test_cursors_go_on_whoever_answers_next(client: APIClient, ada: User, indexed: Indexed) -> None:
    lay(ada)
    indexed.send()

    for sort in SORTS:
        expected = ids(by_postgresql(client, sort=sort))
        there = pages(client, "next", sort, {})
        assert [job_id for page in there for job_id in ids(page)] == expected, sort
        back = pages(client, "prev", sort, {"cursor": there[-1]["page"]["prev"]})
        assert [ids(page) for page in back[::-1]] == [ids(page) for page in there[:-1]], sort


def pages(client: APIClient, way: str, sort: str, cursor: dict[str, Any]) -> list[dict[str, Any]]:
    """Follow the cursors to the end, and have the engine and PostgreSQL answer in turns."""
    found: list[dict[str, Any]] = []
    while True:
        ask = by_postgresql if len(found) % 2 else search
        found.append(ask(client, sort=sort, limit=2, **cursor))
        cursor = {"cursor": found[-1]["page"][way]}
        if cursor["cursor"] is None:
            return found


def test_a_search_of_staff_finds_everybodys(ada: User, indexed: Indexed) -> None:
    jobs = lay(ada)
    indexed.send()
    viewer = client_of(UserFactory(role=Role.VIEWER))

    assert len(search(viewer)["data"]) == len(jobs) + 1
    assert len(search(viewer, f"user:{ada.user_id}")["data"]) == len(jobs)
    assert search(viewer, "user:nobody")["data"] == []


def test_only_the_engine_finds_what_is_near(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed
) -> None:
    lay(ada)
    indexed.send()

    found = search(client, "hostname:bild-3~1")
    assert [job["hostname"] for job in found["data"]] == ["build-3"]
    assert found["highlights"][ids(found)[0]] == [{"field": "hostname", "text": "build-3", "spans": [[0, 7]]}]

    with faulty_engine.refusing():
        problem(client.get(SEARCH, {"q": "hostname:bild-3~1"}), 400, "unsupported-in-fallback")


NOT_OURS = fault_proxy.error(400, "parsing_exception")
FAULTS: dict[str, Fault] = {
    "reset": fault_proxy.resets,
    "reset_afterwards": fault_proxy.resets_afterwards,
    "slow": fault_proxy.dawdles,
    "drips": fault_proxy.drips,
    "unavailable": fault_proxy.unavailable,
    "red": fault_proxy.red,
    "rate_limited": fault_proxy.rate_limited("30"),
    "cut_off": fault_proxy.truncates,
    "half_json": fault_proxy.cuts_json,
    "partial": fault_proxy.partial,
    "timed_out": fault_proxy.timed_out,
    "refused": NOT_OURS,
    "gone": fault_proxy.error(404, "index_not_found_exception"),
    "list": fault_proxy.answers(200, []),
    "empty": fault_proxy.answers(200, b""),
    "no_hits": fault_proxy.answers(200, {"hits": {}, "_shards": {"failed": 0}}),
}
#: As they are counted, if not as `away`.
REASONS = {
    **{"refused": "refused", "gone": "not_found"},
    **dict.fromkeys(("cut_off", "half_json", "list", "empty", "no_hits"), "nonsense"),
}


def test_postgresql_answers_when_the_engine_does_not(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed, counted: Any
) -> None:
    lay(ada)
    indexed.send()
    expected = by_postgresql(client, "rack", facets="arch")
    reasons: Counter[str] = Counter()

    for name, fault in FAULTS.items():
        faulty_engine.fail(fault, path=LIE)
        with override_settings(ELASTICSEARCH_TIMEOUT=0.2) if name in ("slow", "drips") else nullcontext():
            answer = search(client, "rack", "postgresql", facets="arch")
        assert {**answer, "as_of": None, "degraded": None} == {**expected, "as_of": None, "degraded": None}, name
        reasons[REASONS.get(name, "away")] += 1
        assert counted()["fell_back"] == reasons, name
        faulty_engine.heal()
        link.forget()


def test_an_engine_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed
) -> None:
    lay(ada)
    indexed.send()
    seen, cursor, sources = [], {}, []
    for number in range(4):
        away: AbstractContextManager[Any] = faulty_engine.refusing() if number in (1, 2) else nullcontext()
        with away:
            page = search(client, "", "postgresql" if number in (1, 2) else "elasticsearch", limit=2, **cursor)
        sources.append(page["source"])
        seen += ids(page)
        cursor = {"cursor": page["page"]["next"]}

    assert seen == ids(by_postgresql(client))
    assert cursor == {"cursor": None}


def test_an_engine_that_fails_again_and_again_is_left_alone(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed, counted: Any
) -> None:
    lay(ada)
    indexed.send()
    faulty_engine.fail(fault_proxy.unavailable, path=LIE)

    for _ in range(8):
        assert len(search(client, "", "postgresql")["data"]) == 7

    assert faulty_engine.count(path=LIE) == 5
    assert counted() == {"fell_back": {"away": 5, "circuit_open": 3}, "answered": {"postgresql": 8}}


def test_an_index_that_cannot_be_written_is_searched(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed, counted: Any
) -> None:
    lay(ada)
    indexed.send()
    faulty_engine.fail(fault_proxy.read_only)

    assert len(search(client)["data"]) == 7
    assert counted() == {"answered": {"elasticsearch": 1}}


def test_as_of_is_before_the_oldest_change_that_the_engine_has_not_heard_of(
    client: APIClient, ada: User, indexed: Indexed
) -> None:
    job = new_job(user=ada)
    indexed.send()
    clean = search(client)["as_of"]
    assert search(client)["as_of"] > clean

    Job.objects.filter(pk=job.pk).update(arch="x")
    job.refresh_from_db()

    viewer = client_of(UserFactory(role=Role.VIEWER))
    assert search(client)["as_of"] <= search(viewer)["as_of"] <= job.updated_at.isoformat().replace("+00:00", "Z")


def test_postgresql_answers_until_an_index_serves(client: APIClient, ada: User, indexed: Indexed, counted: Any) -> None:
    lay(ada)
    SearchIndex.objects.update(state=SearchIndex.State.BUILDING)

    assert len(search(client, "", "postgresql")["data"]) == 7
    assert counted()["fell_back"] == {"not_serving": 1}


def test_without_an_engine_nothing_is_asked_of_one(client: APIClient, ada: User, counted: Any) -> None:
    lay(ada)

    with override_settings(ELASTICSEARCH_URLS=[]), CaptureQueriesContext(connection) as queries:
        answer = client.get(SEARCH).json()

    assert (answer["source"], answer["degraded"], len(answer["data"])) == ("postgresql", False, 7)
    assert not any("search_index" in query["sql"] for query in queries)
    assert link._made == {}
    assert counted() == {}


LAYERS = ("application", "rows", "engine")


@pytest.mark.parametrize("alone", [*LAYERS, None])
def test_each_layer_keeps_jobs_of_others_away_by_itself(
    request: pytest.FixtureRequest,
    database_roles: None,
    monkeypatch: pytest.MonkeyPatch,
    ada: User,
    indexed: Indexed,
    alone: str | None,
) -> None:
    job = new_job(user=ada)
    indexed.send()
    bob = client_of(UserFactory(user_id="bob"))
    if alone != "application":
        monkeypatch.setattr(JobQuerySet, "owned_by", lambda self, user: self)
    if alone != "engine":
        monkeypatch.setattr(by_engine, "owned_by", lambda owner: [])
    if alone == "rows":
        request.getfixturevalue("handlers_as_app")

    assert ids(search(bob)) == ([] if alone else [str(job.pk)])


def test_the_web_process_may_read_all_that_a_search_wants(
    client: APIClient, ada: User, indexed: Indexed, handlers_as_app: None
) -> None:
    lay(ada)
    indexed.send()
    viewer = client_of(UserFactory(role=Role.VIEWER))

    assert len(search(client, "rack", facets="arch")["data"]) == 7
    assert len(search(viewer, "user:ada")["data"]) == 7
    assert len(by_postgresql(viewer, "user:ada")["data"]) == 7


def test_ids_are_found_for_lists_that_read_the_rows_themselves(ada: User, indexed: Indexed) -> None:
    def found_ids(found: Found) -> list[UUID]:
        return [job.pk for job in found.jobs]

    jobs = lay(ada)
    indexed.send()
    Job.objects.filter(pk=jobs[0].pk).update(arch="changed")

    found = finding.find(Asked(parse("arch:arm64"), columns=("id",)), ada)
    few = finding.find(Asked(parse("arch:*"), SORTS["created_at"], limit=2, columns=("id",)), ada)

    assert (found_ids(found), found.source) == ([jobs[6].pk, jobs[3].pk], "elasticsearch")
    assert found_ids(few) == [job.pk for job in jobs[:2]]
    staff = finding.find(
        Asked(parse("project:compiler-0"), see_all=True, columns=("id",)), UserFactory(role=Role.OPERATOR)
    )
    assert len(staff.jobs) == 5


@pytest.mark.django_db(transaction=True)
def test_of_very_many_searches_at_a_time_each_is_answered_or_sent_away(
    ada: User, faulty_engine: FaultProxy, indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback, "_places", fallback.Places(2))
    monkeypatch.setattr(fallback, "PATIENCE", 0.05)
    job = new_job(user=ada)
    key = keys.issue(ada)
    faulty_engine.fail(fault_proxy.dawdles, path=LIE)
    together = Barrier(12)

    def ask(_: int) -> Any:
        together.wait(30)
        try:
            return with_key(key).get(SEARCH)
        finally:
            connections.close_all()

    with override_settings(ELASTICSEARCH_TIMEOUT=0.2), fallback._places.one(), fallback._places.one():
        with ThreadPoolExecutor(12) as pool:
            crowd = list(pool.map(ask, range(12)))
    alone = with_key(key).get(SEARCH)

    for response in crowd:
        problem(response, 429, "search-busy")
    assert (alone.status_code, ids(alone.json())) == (200, [str(job.pk)])
    assert faulty_engine.count(path=LIE) <= 13

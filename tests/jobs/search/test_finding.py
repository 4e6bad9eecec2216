"""Searches with an engine that answers, or fails in every way that it can, and nobody is told what is wrong."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import keys
from accounts.models import User
from accounts.roles import Role
from jobs.models import EventCount, Job, SearchIndex
from jobs.models.job import JobQuerySet
from jobs.search import by_engine, counts, fallback, finding
from jobs.search.engine import link
from jobs.search.language.parsing import parse
from jobs.search.sorting import SORTS
from tests import fault_proxy
from tests.api_client import client_of, problem, with_key
from tests.factories import UserFactory
from tests.fault_proxy import Fault, FaultProxy
from tests.jobs.rows import fail, new_job
from tests.jobs.search.indexed import Indexed

pytestmark = pytest.mark.django_db

SEARCH = "/api/v1/jobs/search"
LIE = "_search"


@pytest.fixture
def ada(db: None) -> User:
    user: User = UserFactory(user_id="ada")
    return user


@pytest.fixture
def client(ada: User) -> APIClient:
    return client_of(ada)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict[str, dict[str, int]]]]:
    """Give what this test's searches were counted as."""
    monkeypatch.setattr(counts, "_news", type(counts._news)())
    EventCount.objects.filter(name__startswith="search_").delete()

    def flushed() -> dict[str, dict[str, int]]:
        counts.flush()
        return {what: dict(which) for what, which in counts.totals().items()}

    yield flushed


def search(client: APIClient, q: str = "", source: str = "elasticsearch", **parameters: Any) -> dict[str, Any]:
    response = client.get(SEARCH, {"q": q, **parameters})
    assert response.status_code == 200, response.content
    answer = dict(response.json())
    assert (answer["source"], answer["degraded"]) == (source, source == "postgresql")
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [job["job_id"] for job in answer["data"]]


def by_postgresql(client: APIClient, q: str = "", **parameters: Any) -> dict[str, Any]:
    """Give the answer of an installation without an engine."""
    with override_settings(ELASTICSEARCH_URLS=[]):
        return dict(client.get(SEARCH, {"q": q, **parameters}).json())


def lay(ada: User) -> list[Job]:
    """Put in jobs of Ada's with many equal values, and one of somebody else's."""
    new_job(user=UserFactory(), project_name="compiler-0", arch="arm64", hostname="build-0")
    jobs = []
    for number in range(7):
        job = new_job(
            user=ada,
            project_name=f"compiler-{number % 2}",
            arch=("arm64", "amd64", "")[number % 3],
            hostname=f"build-{number}",
            priority=number % 3,
            tags=["night", f"t{number % 2}"][: number % 3],
            metadata={"cpuCores": number, "note": f"Rack {number % 2}"},
        )
        jobs.append(fail(job, message=f"Rack {number} is away", retryable=False) if number % 3 == 1 else job)
    # Equal moments too, so that the id decides.
    first = jobs[0].scheduled_at
    Job.objects.filter(user=ada).exclude(hostname="build-3").update(scheduled_at=first + timedelta(microseconds=1))
    return jobs


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


def hits(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Fault:
    """Let the engine lie about what it has found."""

    def lie(found: Any) -> Any:
        found["hits"]["hits"] = change(found["hits"]["hits"])
        return found

    return fault_proxy.changes(lie)


def named(job_id: Any) -> dict[str, Any]:
    return {"_id": str(job_id), "sort": [str(job_id)]}


def test_the_engine_cannot_show_jobs_of_others(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed
) -> None:
    mine, others = new_job(user=ada), new_job(user=UserFactory())
    indexed.send()
    faulty_engine.fail(hits(lambda found: [named(others.pk), named(mine.pk)]), path=LIE)

    answer = search(client)

    assert ids(answer) == [str(mine.pk)]
    assert str(others.pk) not in str(answer)


def test_the_engine_cannot_show_what_is_not_there_nor_what_does_not_fit(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed
) -> None:
    fitting, other, deleted = (new_job(user=ada, arch=arch) for arch in ("arm64", "amd64", "arm64"))
    indexed.send()
    Job.objects.filter(pk=deleted.pk).update(is_deleted=True)
    lies = sorted((named(job_id) for job_id in (fitting.pk, other.pk, deleted.pk, uuid4())), key=lambda hit: hit["_id"])
    faulty_engine.fail(hits(lambda found: lies[::-1]), path=LIE)

    assert ids(search(client, "arch:arm64")) == [str(fitting.pk)]


def test_a_job_that_has_changed_since_the_engine_heard_of_it_is_not_shown_as_it_was(
    client: APIClient, ada: User, indexed: Indexed
) -> None:
    left, changed = new_job(user=ada, arch="arm64"), new_job(user=ada, arch="arm64")
    indexed.send()
    Job.objects.filter(pk=changed.pk).update(arch="amd64")

    answer = search(client, "arch:arm64")

    assert ids(answer) == [str(left.pk)]
    assert answer["total"] == {"value": 1, "relation": "eq"}


def test_pages_are_filled_up_when_many_jobs_have_changed(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed
) -> None:
    jobs = [new_job(user=ada, arch="arm64") for _ in range(12)]
    indexed.send()
    Job.objects.filter(pk__in=[job.pk for job in jobs[5:]]).update(arch="amd64")

    first = search(client, "arch:arm64", limit=3)
    second = search(client, "arch:arm64", limit=3, cursor=first["page"]["next"])

    assert [ids(first), ids(second)] == [[str(job.pk) for job in some] for some in (jobs[4:1:-1], jobs[1::-1])]
    assert second["page"]["next"] is None
    assert faulty_engine.count(path=LIE) == 3


LIES: dict[str, Fault] = {
    "twice": hits(lambda found: [found[0], *found]),
    "out of order": hits(lambda found: found[::-1]),
    "another order": hits(lambda found: [{**hit, "sort": [str(uuid4())]} for hit in found]),
    "no order": hits(lambda found: [{"_id": hit["_id"]} for hit in found]),
    "no ids": hits(lambda found: [{"_id": "1", "sort": ["1"]} for hit in found]),
    "too many": hits(lambda found: [named(UUID(int=n)) for n in range(1000, 0, -1)]),
    "no counts": fault_proxy.changes(lambda found: {**found, "aggregations": {}}),
    "strange counts": fault_proxy.changes(
        lambda found: {**found, "aggregations": {"arch": {"buckets": [{"key": {"a": 1}, "doc_count": 1}]}}}
    ),
}


def test_an_engine_that_talks_nonsense_is_not_listened_to(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed, counted: Any
) -> None:
    lay(ada)
    indexed.send()
    expected = by_postgresql(client, limit=5)["data"]

    for number, (name, lie) in enumerate(LIES.items(), 1):
        faulty_engine.fail(lie, path=LIE)
        assert search(client, "", "postgresql", facets="arch", limit=5)["data"] == expected, name
        assert counted()["fell_back"] == {"nonsense": number}, name
        faulty_engine.heal()
        link.forget()


def test_an_engine_that_forgets_where_it_was_does_not_lead_in_circles(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed
) -> None:
    lay(ada)
    indexed.send()
    first = search(client, limit=3)
    body: list[Any] = []
    faulty_engine.fail(hits(lambda found: body.append(found) or [named(job_id) for job_id in ids(first)]), path=LIE)  # type: ignore[func-returns-value]

    second = search(client, "", "postgresql", limit=3, cursor=first["page"]["next"])

    assert body and not set(ids(first)) & set(ids(second))


@pytest.mark.parametrize("sort", ["-priority", "-scheduled_at"])
def test_a_place_that_cannot_be_breaks_no_page_behind_it(
    client: APIClient, ada: User, faulty_engine: FaultProxy, indexed: Indexed, sort: str
) -> None:
    lay(ada)
    indexed.send()
    faulty_engine.fail(
        hits(lambda found: [{**hit, "sort": [2**63 - 1 - n, hit["_id"]]} for n, hit in enumerate(found)]), path=LIE
    )
    first = search(client, sort=sort, limit=3)
    faulty_engine.heal()

    for ask in (search, by_postgresql):
        assert ask(client, sort=sort, limit=3, cursor=first["page"]["next"])["data"]


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
    jobs = lay(ada)
    indexed.send()
    Job.objects.filter(pk=jobs[0].pk).update(arch="changed")

    found = finding.find_ids(parse("arch:arm64"), user=ada)
    few = finding.find_ids(parse("arch:*"), SORTS["created_at"], 2, ada)

    assert (found.ids, found.source) == ([jobs[6].pk, jobs[3].pk], "elasticsearch")
    assert few.ids == [job.pk for job in jobs[:2]]
    staff = finding.find_ids(parse("project:compiler-0"), user=UserFactory(role=Role.OPERATOR))
    assert len(staff.ids) == 5


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

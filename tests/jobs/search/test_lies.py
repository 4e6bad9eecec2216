"""An engine that lies, and cannot have anything shown that is not so."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import Job
from jobs.search.engine import link
from tests import fault_proxy
from tests.factories import UserFactory
from tests.fault_proxy import Fault, FaultProxy
from tests.jobs.rows import new_job
from tests.jobs.search.indexed import Indexed
from tests.jobs.search.searches import LIE, by_postgresql, ids, lay, search

pytestmark = pytest.mark.django_db


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

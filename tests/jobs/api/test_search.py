"""`GET /api/v1/jobs/search` where PostgreSQL answers by itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.models import Job
from jobs.search import fallback
from jobs.search.language.fields import FIELDS
from jobs.search.sorting import SORTS
from tests.api_client import client_of, problem
from tests.factories import UserFactory
from tests.jobs.rows import fail, finish, new_job

SEARCH = "/api/v1/jobs/search"


def search(client: APIClient, q: str = "", **parameters: Any) -> dict[str, Any]:
    response = client.get(SEARCH, {"q": q, **parameters})
    assert response.status_code == 200, response.content
    return dict(response.json())


def ids(client: APIClient, q: str = "", **parameters: Any) -> list[str]:
    return [job["job_id"] for job in search(client, q, **parameters)["data"]]


def everything(client: APIClient, **parameters: Any) -> list[str]:
    """Go through all pages, and back again; both ways show the same."""
    there, page = [], search(client, **parameters)
    while True:
        there.append([job["job_id"] for job in page["data"]])
        if not page["page"]["next"]:
            break
        page = search(client, cursor=page["page"]["next"], **parameters)
    back = [there[-1]]
    while page["page"]["prev"]:
        page = search(client, cursor=page["page"]["prev"], **parameters)
        back.append([job["job_id"] for job in page["data"]])
    assert back[::-1] == there
    return [job_id for job_ids in there for job_id in job_ids]


@pytest.fixture
def make(user: User) -> Callable[..., Job]:
    return lambda **fields: new_job(**{"user": user, **fields})


def test_finds_what_fits_newest_first(client: APIClient, make: Callable[..., Job]) -> None:
    failed = [fail(make(project_name="compiler-x", arch="arm64"), retryable=False) for _ in range(2)]
    make(project_name="compiler-x", arch="arm64")
    fail(make(project_name="linker"), retryable=False)

    answer = search(client, "status:dead_letter AND project_name:compiler* AND arch:arm64")

    assert [job["job_id"] for job in answer["data"]] == [str(job.pk) for job in failed[::-1]]
    assert answer["total"] == {"value": 2, "relation": "eq"}
    assert (answer["source"], answer["degraded"]) == ("postgresql", False)
    assert answer["page"] == {"next": None, "prev": None}
    listed = client.get("/api/v1/jobs", {"status": "dead_letter", "limit": 1}).json()["data"][0]
    assert answer["data"][0].keys() == listed.keys()


def test_an_empty_query_finds_every_job_that_is_not_deleted(client: APIClient, make: Callable[..., Job]) -> None:
    kept, deleted = make(), make(is_deleted=True)

    assert ids(client) == ids(client, "*:*") == [str(kept.pk)]
    assert ids(client, "is_deleted:true") == [str(deleted.pk)]
    assert ids(client, "is_deleted:*") == [str(deleted.pk), str(kept.pk)]
    assert ids(client, "NOT is_deleted:false") == [str(deleted.pk)]


def test_as_of_is_now(client: APIClient, make: Callable[..., Job]) -> None:
    before = make().updated_at

    assert before.isoformat() <= search(client)["as_of"] <= timezone.now().isoformat()


@pytest.mark.parametrize("sort", SORTS)
def test_pages_in_every_order_have_each_job_once(client: APIClient, make: Callable[..., Job], sort: str) -> None:
    now = timezone.now()
    for number in range(7):
        # Many of them equal, so that the id decides.
        job = make(priority=number % 2, scheduled_at=now + timedelta(microseconds=number % 3))
        if number % 3 == 0:
            Job.objects.filter(pk=job.pk).update(progress=number + 1)
    column, falling = sort.removeprefix("-"), sort.startswith("-")
    if column == "created_at":
        rows = Job.objects.order_by("-id" if falling else "id")
    else:
        rows = Job.objects.order_by(*(f"-{name}" if falling else name for name in (column, "id")))

    assert everything(client, sort=sort, limit=2) == [str(job.pk) for job in rows]


def test_the_link_header_leads_to_the_pages_beside(client: APIClient, make: Callable[..., Job]) -> None:
    for _ in range(3):
        make(project_name="a&b")

    first = client.get(SEARCH, {"q": 'project:"a&b"', "limit": 2})
    (link,) = first["Link"].split(", ")
    second = client.get(link[1 : link.index(">")])

    assert [len(response.json()["data"]) for response in (first, second)] == [2, 1]
    assert 'rel="prev"' in second["Link"]


def test_a_cursor_belongs_to_its_search(client: APIClient, make: Callable[..., Job]) -> None:
    for _ in range(2):
        make()
    cursor = search(client, "status:pending", limit=1)["page"]["next"]

    for changed in ({"q": "status:failed"}, {"sort": "priority"}, {"to": "2026-01-01T00:00:00Z"}, {"cursor": "x"}):
        parameters = {"q": "status:pending", "cursor": cursor, **changed}
        problem(client.get(SEARCH, parameters), 400, "bad-cursor")
    other = client_of(UserFactory())
    problem(other.get(SEARCH, {"q": "status:pending", "cursor": cursor}), 400, "bad-cursor")
    assert len(ids(client, "status:pending", cursor=cursor, limit=200)) == 1


def test_from_and_to_bound_the_time_of_submission(client: APIClient, make: Callable[..., Job]) -> None:
    first, second = make(), make()
    boundary = second.created_at.isoformat()

    assert ids(client, **{"from": boundary}) == [str(second.pk)]
    assert ids(client, to=boundary) == [str(first.pk)]
    assert ids(client, "status:pending OR status:failed", **{"from": boundary, "to": boundary}) == []


def test_facets_count_the_values_of_all_hits(client: APIClient, make: Callable[..., Job]) -> None:
    for arch, tags in (("arm64", ["x", "y"]), ("arm64", ["x"]), ("amd64", []), ("", [])):
        make(arch=arch, tags=tags, priority=7)
    finish(make(arch="arm64"))

    answer = search(client, "NOT status:completed", facets="arch,tags,status,priority,error_class", limit=1)

    assert answer["facets"] == {
        name: {"values": [{"value": value, "count": count} for value, count in values], "more": False, "newest": None}
        for name, values in {
            "arch": [("arm64", 2), ("amd64", 1)],
            "tags": [("x", 2), ("y", 1)],
            "status": [("pending", 4)],
            "priority": [(7, 4)],
            "error_class": [],
        }.items()
    }
    assert answer["total"] == {"value": 4, "relation": "eq"}


def test_of_many_hits_the_newest_are_counted(
    client: APIClient, make: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.search.facets.MOST_COUNTED", 2)
    monkeypatch.setattr("jobs.search.fallback.MOST_COUNTED", 2)
    for arch in ("a", "b", "b"):
        make(arch=arch)

    answer = search(client, facets="arch", limit=1)

    assert answer["facets"]["arch"] == {"values": [{"value": "b", "count": 2}], "more": False, "newest": 2}
    assert answer["total"] == search(client, limit=1)["total"] == {"value": 2, "relation": "gte"}


def test_says_why_a_job_was_found(client: APIClient, make: Callable[..., Job]) -> None:
    message = "x" * 500 + "Connection <b>RESET</b> by peer"
    job = fail(make(project_name="Resetter", hostname="build-7", metadata={"a": {"b": "a reset"}}), message=message)

    pieces = search(client, "reset hostname:build* NOT arch:reset")["highlights"][str(job.pk)]

    shown = {piece["field"]: [piece["text"][begin:end] for begin, end in piece["spans"]] for piece in pieces}
    assert shown == {
        "error_message": ["RESET"],
        "project_name": ["Reset"],
        "hostname": ["build-7"],
        "metadata.a.b": ["reset"],
    }
    assert max(len(piece["text"]) for piece in pieces) <= 240
    assert search(client, "status:pending")["highlights"] == {}


def test_numbers_in_metadata_are_compared_to_the_last_digit(client: APIClient, make: Callable[..., Job]) -> None:
    job = make()
    exact = "12345678901234567890.123456789"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE job_queue SET metadata = %s::jsonb WHERE id = %s", [f'{{"n": {exact}}}', job.pk])

    assert ids(client, f"metadata.n:{exact}") == [str(job.pk)]
    assert ids(client, "metadata.n:12345678901234567890.123456788") == []
    found = search(client, f"metadata.n:>={exact}", fields="job_id,metadata")["data"]
    assert found == [{"job_id": str(job.pk), "metadata": {"n": float(exact)}}]


def test_a_list_gives_the_fields_that_are_asked_for(client: APIClient, make: Callable[..., Job], user: User) -> None:
    job = make(metadata={"a": 1})

    (found,) = search(client, "metadata.a:1", fields="job_id,metadata,user_id,workspace,error")["data"]

    assert found == {
        "job_id": str(job.pk), "metadata": {"a": 1}, "user_id": user.user_id, "workspace": None, "error": None
    }  # fmt: skip
    answer = problem(client.get(SEARCH, {"fields": "job_id,secret"}), 400, "invalid-parameter")
    assert answer["errors"][0]["parameter"] == "fields"


def test_users_find_their_own_jobs_and_staff_those_of_all(
    client: APIClient, make: Callable[..., Job], user: User
) -> None:
    mine, other = make(), UserFactory()
    others = new_job(user=other)
    worker, viewer = client_of(UserFactory(role=Role.WORKER)), client_of(UserFactory(role=Role.VIEWER))

    assert ids(client) == ids(client, "_exists_:id") == ids(client, f"id:{mine.pk} OR id:{others.pk}") == [str(mine.pk)]
    assert ids(client, f"user:{other.user_id}") == []
    assert ids(worker) == []
    assert ids(viewer) == [str(others.pk), str(mine.pk)]
    assert ids(viewer, f"user_id:{user.user_id}") == [str(mine.pk)]
    assert search(client, facets="status")["facets"]["status"]["values"] == [{"value": "pending", "count": 1}]


@pytest.mark.parametrize(
    ("q", "code", "position", "suggestion"),
    [
        ("status:failed AND (arch:x", "query-syntax", None, None),
        ("statsu:failed", "unknown-field", 0, "status"),
        ("arch:x stauts:failed", "unknown-field", 7, "status"),
        ("status:faild", "query-bad-value", 7, "failed"),
        ("arch:*64", "query-not-allowed", 5, None),
        ("/re/", "query-not-allowed", 0, None),
        ("x" * 2049, "query-too-long", None, None),
        (" OR ".join(["arch:x"] * 65), "query-too-complex", None, None),
        ("(" * 400 + "arch:x" + ")" * 400, "query-too-complex", None, None),
        ("hostname:bild~1", "unsupported-in-fallback", None, None),
    ],
)
def test_a_query_that_cannot_be_answered_says_where_and_why(
    client: APIClient, q: str, code: str, position: int | None, suggestion: str | None
) -> None:
    answer = problem(client.get(SEARCH, {"q": q}), 400, code)

    assert answer["errors"][0]["parameter"] == "q"
    if position is not None:
        assert answer["position"] == position
    if suggestion is not None:
        assert suggestion in answer["suggestions"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "hostname"),
        ("sort", ""),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "９"),
        ("facets", "status,error_message"),
        ("facets", ""),
        ("from", "2026-01-01"),
        ("to", "0001-01-01T00:00:00+14:00"),
        ("q", ["a", "b"]),
        ("query", "x"),
    ],
)
def test_parameters_are_read_strictly(client: APIClient, name: str, value: Any) -> None:
    answer = problem(client.get(SEARCH, {name: value}), 400, "invalid-parameter")

    assert [error["parameter"] for error in answer["errors"]] == [name]


def test_a_search_that_looks_at_too_much_is_stopped(
    client: APIClient, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Job(job_type="echo", user=user, error_message="x" * 8_000) for _ in range(300)]
    Job.objects.bulk_create(rows)
    monkeypatch.setattr(fallback, "SECONDS", 0.001)

    answer = problem(client.get(SEARCH, {"q": "nowhere"}), 422, "query-too-broad")

    assert "from and to" in answer["detail"]
    monkeypatch.setattr(fallback, "SECONDS", 5)
    assert ids(client, "nowhere") == []


def test_who_finds_no_place_is_sent_away_for_a_while(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "PATIENCE", 0.01)
    places = fallback.Places(1)
    monkeypatch.setattr(fallback, "_places", places)

    with places.one():
        response = client.get(SEARCH)

    problem(response, 429, "search-busy")
    assert int(response["Retry-After"]) >= 1
    assert client.get(SEARCH).status_code == 200


def test_lists_what_can_be_asked(client: APIClient) -> None:
    answer = client.get(f"{SEARCH}/fields").json()

    fields = {field["name"]: field for field in answer["fields"]}
    assert fields.keys() == {*FIELDS, "metadata.*"}
    assert fields["status"]["choices"] and fields["status"]["facet"]
    assert (fields["hostname"]["aliases"], fields["hostname"]["leading_wildcard"]) == (["host"], True)
    assert answer["sorts"] == list(SORTS)


def test_a_query_is_sent_as_any_other_parameter(client: APIClient, make: Callable[..., Job]) -> None:
    job = make(project_name="käse & brot")

    response = client.get(SEARCH + "?q=" + quote('project:"käse & brot"', safe=""))

    assert [found["job_id"] for found in response.json()["data"]] == [str(job.pk)]

"""Searches over the API as the tests make them, and jobs for them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import User
from jobs.models import EventCount, Job
from jobs.search import counts
from tests.api_client import client_of
from tests.factories import UserFactory
from tests.jobs.rows import fail, new_job

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

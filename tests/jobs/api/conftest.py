from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.models import DeadLetter, Job, ProcessingLock
from jobs.registry import JobType, registry
from jobs.statuses import Status
from tests.api_client import client_of
from tests.factories import UserFactory


def echo(ctx: Any, text: str = "", times: int = 1) -> str:
    """Give the text back."""
    return text * times


@pytest.fixture
def echo_type() -> Iterator[JobType]:
    """A job type of its own, so that these tests do not lean on what the product happens to do."""
    job_type = JobType("echo", echo, queue="echoes")
    registry.add(job_type)
    yield job_type
    registry.remove("echo")


@pytest.fixture
def user(db: None) -> User:
    return UserFactory()


@pytest.fixture
def client(user: User, echo_type: JobType) -> APIClient:
    """A client with the role user, and the job type `echo` to send."""
    return client_of(user)


@pytest.fixture
def client_as(db: None, echo_type: JobType) -> Callable[[Role], APIClient]:
    """Make a client of a new user with the role."""
    return lambda role: client_of(UserFactory(role=role))


@pytest.fixture
def operator(client_as: Callable[[Role], APIClient]) -> APIClient:
    return client_as(Role.OPERATOR)


@pytest.fixture
def submit(client: APIClient) -> Callable[..., dict[str, Any]]:
    """Submit a job through the API and give the answer's body."""

    def submit(**body: Any) -> dict[str, Any]:
        response = client.post("/api/v1/jobs", {"type": "echo", **body})
        assert response.status_code == 201, response.content
        return dict(response.json())

    return submit


def bury(job_id: str, message: str = "no", error_class: str = "ValueError") -> DeadLetter:
    """Let a job fail for good, through the function that every worker uses."""
    set_status(job_id, Status.PROCESSING)
    lock = ProcessingLock.objects.create(job_id=job_id, worker_id="w", expires_at=timezone.now() + timedelta(minutes=1))
    lock.refresh_from_db()
    with connection.cursor() as cursor:
        traceback = '{"traceback": "Traceback: secret"}'
        arguments = [job_id, lock.lock_token, error_class, message, traceback]
        cursor.execute("SELECT fail_job(%s, %s, %s, %s, %s, false)", arguments)
        assert cursor.fetchone() == ("dead_letter",)
    return DeadLetter.objects.open().get(original_job=job_id)


def set_status(job_id: str, status: Status, **columns: Any) -> None:
    """Put a row into a lawful state, as the worker would; the worker has tests of its own."""
    times: dict[Status, dict[str, Any]] = {
        Status.PROCESSING: {"started_at": Now(), "attempt": 1},
        Status.COMPLETED: {"started_at": Now(), "completed_at": Now(), "progress": 100},
        Status.FAILED: {"started_at": Now(), "failed_at": Now()},
    }
    Job.objects.filter(pk=job_id).update(status=status, **{**times.get(status, {}), **columns})

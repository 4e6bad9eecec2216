from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from jobs.enqueue import enqueue
from jobs.models import Function, Job
from tests.api_client import client_of
from tests.factories import UserFactory

SCHEMA = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}

Post = Callable[..., Any]
Claim = Callable[..., list[dict[str, Any]]]


def function(title: str = "thumbnail", language: str = "node", **fields: Any) -> Function:
    """Register a function in another language."""
    name = f"{language}-{title}"
    defaults = {"schema_definition": SCHEMA, "max_retries": 2}
    return Function.objects.create(language=language, title=title, language_title=name, **{**defaults, **fields})


@pytest.fixture
def thumbnail(db: None) -> Function:
    return function()


@pytest.fixture
def owner(db: None) -> User:
    return UserFactory()


@pytest.fixture
def ask(thumbnail: Function, owner: User) -> Callable[..., Job]:
    """Submit a job of the function."""
    return lambda **options: enqueue("node-thumbnail", {"url": "u"}, **{"user": owner, **options}).fetch()


@pytest.fixture
def worker_user(db: None) -> User:
    return UserFactory(user_id="node-farm", role=Role.WORKER)


@pytest.fixture
def worker(worker_user: User) -> APIClient:
    return client_of(worker_user)


@pytest.fixture
def post(worker: APIClient) -> Post:
    """Send something to one of the worker's addresses."""
    return lambda path, body, client=worker, **extra: client.post(f"/api/v1/worker/{path}", body, **extra)


@pytest.fixture
def claim(post: Post) -> Claim:
    """Claim, and give what there was."""

    def claim(client: APIClient | None = None, **wish: Any) -> list[dict[str, Any]]:
        body = {"worker_id": "w-1", "languages": ["node"], **wish}
        response = post("claim", body, **({"client": client} if client else {}))
        assert response.status_code == 200, response.content
        found: list[dict[str, Any]] = response.json()["jobs"]
        return found

    return claim


def hold(claimed: dict[str, Any]) -> dict[str, Any]:
    """Give what names a job that was claimed."""
    return {"job_id": claimed["job_id"], "lock_token": claimed["lock_token"]}

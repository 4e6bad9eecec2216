"""What the tests of the language ask by, and of what."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from jobs.models import Job
from jobs.search.language.errors import QueryError
from jobs.search.language.evaluation import fits
from jobs.search.language.parsing import parse

#: When these tests take place: a Sunday.
NOW = datetime(2026, 11, 22, 14, 30, 15, 123456, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def job(**fields: Any) -> Job:
    """Give a job as the database would, though none has it."""
    plain: dict[str, Any] = {
        "id": UUID("01980f1c-7c2a-7b3e-9d55-2f6f0a1b2c3d"),
        "job_type": "compile",
        "created_at": NOW,
        "updated_at": NOW,
        "scheduled_at": NOW,
    }
    return Job(**plain | fields)


def found(query: str, **fields: Any) -> bool:
    """Say whether the query finds a job of these fields."""
    return fits(parse(query, NOW), job(**fields))


def refused(query: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        parse(query, NOW)
    error = caught.value
    assert error.position is None or 0 <= error.position <= len(query)
    return error

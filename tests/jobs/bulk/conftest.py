from collections.abc import Callable
from typing import Any

import pytest

from accounts.roles import Role
from jobs.bulk.beginning import begin
from jobs.bulk.wishes import Wish
from jobs.models import BulkOperation, Job
from jobs.testing import run_job
from tests.factories import UserFactory

Begin = Callable[..., BulkOperation]


@pytest.fixture
def operator(db: None) -> Any:
    return UserFactory(user_id="olga", role=Role.OPERATOR)


@pytest.fixture
def begun(operator: Any) -> Begin:
    """Begin an operation: `begun("dead_letter", "redrive", {"filter": {}}, rate_per_second=5)`."""

    def make(target: str, action: str, selector: dict[str, Any], **wished: Any) -> BulkOperation:
        return begin(Wish(target, action, selector, **wished), operator)

    return make


def work(operation: BulkOperation) -> BulkOperation:
    """Run the operation's job once, as a worker does: a round, which may not be the last."""
    operation.refresh_from_db()
    job = run_job(Job.objects.get(pk=operation.job))
    assert job.error_message is None, job.error_details
    operation.refresh_from_db()
    return operation


def counts(operation: BulkOperation) -> tuple[int, int, int]:
    return operation.done, operation.skipped, operation.failed

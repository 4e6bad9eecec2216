"""A task with what Ekiden can do for it beyond Django's four attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from jobs.backoff import Backoff
from jobs.django_tasks.framework import Task
from jobs.registry import Isolation
from jobs.uniqueness import Unique

#: Chosen for each job, where a task is declared, with `using()`, or (the first ones) in the backend's OPTIONS.
FOR_ALL: Final = (
    *("max_retries", "timeout", "tags", "concurrency_key", "concurrency_limit", "rate_limit"),
    *("unique", "expires_at", "project_name"),
)
FOR_JOBS: Final = (*FOR_ALL, "unique_key", "metadata", "user", "workspace", "parent", "depends_on")

_USING: Final = frozenset({"priority", "queue_name", "run_after", "backend", *FOR_JOBS})


@dataclass(frozen=True, slots=True, kw_only=True)
class EkidenTask(Task):  # type: ignore[type-arg]
    """What `@task` makes for this backend. None is what the backend's OPTIONS say, and else what jobs have anyway.

    Only `max_retries` differs: a task that nobody said it of is tried once, as Django's own backends do.
    """

    max_retries: int | None = None
    timeout: float | None = None
    # A task has to be hashable, whatever is chosen for it.
    tags: Sequence[str] | None = field(default=None, hash=False)
    concurrency_key: str | None = None
    concurrency_limit: int | None = None
    rate_limit: str | None = None
    #: Its fields are the function's parameters.
    unique: Unique | None = None
    unique_key: str | None = None
    expires_at: datetime | timedelta | None = None
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)
    project_name: str | None = None
    #: Whose job it is: a `User`, who then sees it in the API.
    user: Any = field(default=None, hash=False)
    workspace: Any = field(default=None, hash=False)
    #: Jobs, or results of tasks.
    parent: Any = field(default=None, hash=False)
    depends_on: Sequence[Any] | None = field(default=None, hash=False)
    # The next three are the function's own, wherever it is enqueued.
    backoff: Backoff | None = None
    isolation: Isolation = "thread"
    atomic: bool = False

    def using(self, **changes: Any) -> "EkidenTask":
        """Make a task with other choices, Django's or ours: `send.using(priority=10, max_retries=3)`."""
        if unknown := changes.keys() - _USING:
            raise TypeError(f"using() got an unexpected keyword argument {min(unknown)!r}")
        return replace(self, **{name: value for name, value in changes.items() if value is not None})

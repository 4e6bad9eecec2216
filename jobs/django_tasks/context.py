from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.django_tasks.framework import TaskContext

if TYPE_CHECKING:
    # It brings the models with it, and tasks are declared while they load.
    from jobs.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class EkidenTaskContext(TaskContext):  # type: ignore[misc, type-arg]
    """What a task declared with `takes_context=True` gets: Django's context, and the job that the task is here."""

    job: "Context"

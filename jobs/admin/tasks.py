"""The tasks of a job and the events that it was sent, as its page shows them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, TextField, Value
from django.db.models.functions import Cast, Coalesce, Left, Now

from jobs.admin.documents import Document, show
from jobs.models import Event, Job, Task
from jobs.statuses import Status
from jobs.tasks.place import WHOLE

#: Rows that a page shows, and the characters of each result.
SHOWN: Final = 100
RESULT_CHARACTERS: Final = 20_000

#: Finished items of maps, which may be thousands; they are told by their number.
_FINISHED_ITEM: Final = Q(kind=Task.Kind.MAP, status=Task.Status.COMPLETED) & ~Q(item=WHOLE)


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One row of the page's table."""

    position: int
    name: str
    kind: str
    status: str
    attempt: int
    started_at: datetime | None
    took: timedelta | None
    wake_at: datetime | None
    error: str | None
    documents: list[tuple[str, Document]]
    ended_at: datetime | None = None
    #: One of a map, which is drawn as a whole.
    is_item: bool = False


@dataclass(frozen=True, slots=True)
class TaskPanel:
    lines: list[TaskLine]
    #: How many tasks have each status, items of maps included.
    counts: list[tuple[str, int]]
    #: Rows that are not shown.
    more: int

    @property
    def begun(self) -> int:
        """How many there are in all."""
        return sum(count for _status, count in self.counts)


def task_panel(job: Job) -> TaskPanel | None:
    """Give what a page shows of a job's tasks; None if it has none."""
    tasks = Task.objects.filter(job=job, is_deleted=False)
    counts = list(tasks.order_by("status").values_list("status").annotate(Count("id")))
    if not counts:
        return None
    texts = {f"{name}_text": Left(Cast(F(name), TextField()), RESULT_CHARACTERS) for name in ("payload", "result")}
    rows = tasks.defer("payload", "result").annotate(**texts).order_by("place")
    total = sum(count for _, count in counts)
    lines = [_line(task, job) for task in (rows if total <= SHOWN else rows.exclude(_FINISHED_ITEM))[:SHOWN]]
    return TaskPanel(lines, counts, total - len(lines))


def longest_tasks(job: Job, most: int) -> list[TaskLine]:
    """Give the tasks of a job that took longest, a map as one; what they were given and gave is left out."""
    begun = Task.objects.filter(~Q(kind=Task.Kind.MAP) | Q(item=WHOLE), job=job, is_deleted=False)
    took = (Coalesce(F("completed_at"), Now()) - F("started_at")).desc()
    nothing = {"payload_text": Value(""), "result_text": Value("")}
    rows = begun.filter(started_at__isnull=False).defer("payload", "result").annotate(**nothing).order_by(took)
    return [_line(task, job) for task in rows[:most]]


def events_of(job: Job) -> list[tuple[Event, Document | None]]:
    """Give the events that a job was sent last, each with its payload."""
    text = {"payload_text": Left(Cast(F("payload"), TextField()), RESULT_CHARACTERS)}
    sent: Any = Event.objects.filter(job=job).defer("payload").annotate(**text).select_related("sent_by")
    return [(event, show(event.payload_text)) for event in sent.order_by("-number")[:SHOWN]]


def waited_for(job: Job) -> str:
    """Name the event that a job waits for, or give the empty string."""
    waits = Task.objects.filter(job=job, kind=Task.Kind.EVENT, status=Task.Status.PROCESSING)
    return waits.values_list("name", flat=True).first() or ""


def has_tasks_to_forget(job: Any) -> bool:
    """Tell whether a person may have a job forget its tasks."""
    return job.status != Status.PROCESSING and Task.objects.filter(job=job.pk).exists()


def _line(task: Any, job: Job) -> TaskLine:
    status = task.status
    if status == Task.Status.PROCESSING and job.status != Status.PROCESSING and task.kind in _RUN:
        status = "unfinished"
    item = f" [{task.item}]" if task.kind == Task.Kind.MAP and task.item != WHOLE else ""
    documents = [("Given", show(task.payload_text)), ("Result", show(task.result_text))]
    return TaskLine(
        position=task.position,
        name=f"{task.name}{item}",
        kind=task.kind,
        status=status,
        attempt=task.attempt,
        started_at=task.started_at,
        took=task.completed_at - task.started_at if task.completed_at and task.started_at else None,
        wake_at=task.wake_at,
        error=task.error_message,
        ended_at=task.completed_at,
        is_item=bool(item),
        documents=[(name, document) for name, document in documents if document and document.text != "{}"],
    )


#: What a worker was at when it was lost; the others just wait.
_RUN: Final = frozenset({Task.Kind.CALL, Task.Kind.MAP})

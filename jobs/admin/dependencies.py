"""What a job waits for, what waits for it, and its children, on its page."""

from typing import Any, Final

from django.db.models import QuerySet

from jobs.admin import display
from jobs.admin.facts import anchor
from jobs.models import Dependency, Job

SHOWN: Final = 20

Row = tuple[Any, str, Any]


def dependency_lists(job: Job) -> list[tuple[str, list[Row], bool]]:
    """Give title, the first rows, and whether there are more; lists without rows are left out."""
    waits = _edges(Dependency.objects.filter(job=job), "depends_on")
    followers = _edges(Dependency.objects.filter(depends_on=job), "job")
    columns = Job.objects.filter(parent=job).order_by("id").values_list("id", "job_type", "status")[: SHOWN + 1]
    children = [_row(*child) for child in columns]
    found = (("Waits for", waits), ("Followed by", followers), ("Children", children))
    return [(title, rows[:SHOWN], len(rows) > SHOWN) for title, rows in found if rows]


def _edges(edges: QuerySet[Dependency], other: str) -> list[Row]:
    names = (f"{other}_id", f"{other}__job_type", f"{other}__status", "condition")
    return [
        _row(job_id, f"{job_type}, {condition}", status)
        for job_id, job_type, status, condition in edges.order_by("id").values_list(*names)[: SHOWN + 1]
    ]


def _row(job_id: Any, words: str, status: str) -> Row:
    return anchor("job", job_id, f"…{str(job_id)[-10:]}"), words, display.badge(status)

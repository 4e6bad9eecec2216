"""What a job waits for, what waits for it, and its children, on its page: as lists and as a picture."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet, Value
from django.utils.translation import gettext as _

from jobs.admin import display
from jobs.admin.facts import anchor
from jobs.admin.graph import Graph, graph
from jobs.models import Dependency, Job

SHOWN: Final = 20
#: A picture of one other job says no more than its link.
FEWEST_DRAWN: Final = 2

Row = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Other:
    """A job that this one has to do with."""

    job_id: UUID
    job_type: str
    status: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Edges:
    """The first jobs in each direction, and one more where there are others."""

    waits: list[Other]
    followers: list[Other]
    children: list[Other]


def edges_of(job: Job) -> Edges:
    """Read what the job has to do with, all in one query."""
    children = Job.objects.filter(parent=job).order_by("id")
    child = children.values_list("id", "job_type", "status", Value(""), Value("child"))[: SHOWN + 1]
    waits = _others(Dependency.objects.filter(job=job), "depends_on", "waits")
    followers = _others(Dependency.objects.filter(depends_on=job), "job", "follower")
    found: dict[str, list[Other]] = {"waits": [], "follower": [], "child": []}
    # Without an order of its own: Django 6.1 would take the first part's, whose column is not among these.
    for *columns, side in waits.union(followers, child, all=True).order_by():
        found[side].append(Other(*columns))
    return Edges(*(sorted(others, key=lambda other: other.job_id) for others in found.values()))


def lists_of(edges: Edges) -> list[tuple[str, list[Row], bool]]:
    """Give title, the first rows, and whether there are more; lists without rows are left out."""
    found = ((_("Waits for"), edges.waits), (_("Followed by"), edges.followers), (_("Children"), edges.children))
    return [(title, [*map(_row, others[:SHOWN])], len(others) > SHOWN) for title, others in found if others]


def drawn(job: Job, edges: Edges) -> Graph | None:
    """Draw the job between those that it waits for and those that wait for it."""
    waits, behind = edges.waits[:SHOWN], [*edges.followers[:SHOWN], *edges.children[:SHOWN]]
    if len(waits) + len(behind) < FEWEST_DRAWN:
        return None
    others = {other.job_id: other for other in [*waits, *behind]}
    names = {job.pk: job.job_type, **{job_id: other.job_type for job_id, other in others.items()}}
    statuses = {job.pk: job.status, **{job_id: other.status for job_id, other in others.items()}}
    lines = {(job.pk, other.job_id): other.condition for other in waits}
    lines |= {(other.job_id, job.pk): other.condition or "child" for other in behind if other not in waits}
    return graph(names, statuses, [(one, other, condition) for (one, other), condition in lines.items()])


def _others(edges: QuerySet[Dependency], other: str, side: str) -> QuerySet[Any, Any]:
    names = (f"{other}_id", f"{other}__job_type", f"{other}__status", "condition")
    return edges.order_by("id").values_list(*names, Value(side))[: SHOWN + 1]


def _row(other: Other) -> Row:
    words = f"{other.job_type}, {other.condition}" if other.condition else other.job_type
    return anchor("job", other.job_id, f"…{str(other.job_id)[-10:]}"), words, display.badge(other.status)

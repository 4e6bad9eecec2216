"""A job to submit with what it waits for and what follows it: rows and dependencies, checked and not yet written."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from jobs import catalogue
from jobs.catalogue import Entry
from jobs.exceptions import InvalidOption, InvalidPayload
from jobs.models.dependency import Dependency
from jobs.new_job import NewJob, Row, job_id_of, row_of
from jobs.options import MAX_DEPENDENCIES, Options
from jobs.registry import JobType

#: A job that runs if another fails may have one of its own, and so on.
MOST_FALLBACKS: Final = 10

#: What a job for the case of failure takes over from the job it belongs to.
_INHERITED: Final = ("user", "workspace", "project_name", "parent", "batch", "request_id")

Condition = Dependency.Condition


@dataclass(frozen=True, slots=True)
class After:
    """A dependency with a condition: `depends_on=[After(job, "ended")]` runs the new job however that one ends.

    `completed` (the default) needs it to succeed, `failed` to be given up, `ended` only to end.
    """

    job: Any
    condition: str = Condition.COMPLETED


class Edge(NamedTuple):
    """One job waits for another."""

    job_id: uuid.UUID
    depends_on_id: uuid.UUID
    condition: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The row of a job to be, and its dependencies. It can be pickled: child processes send theirs to the worker."""

    row: Row
    edges: tuple[Edge, ...] = ()
    #: A parent that nobody has seen yet.
    parent: uuid.UUID | None = None

    @property
    def id(self) -> uuid.UUID:
        job_id: uuid.UUID = self.row["id"]
        return job_id

    def named(self) -> Iterator[uuid.UUID]:
        """Give the jobs that it names: they have to be there."""
        yield from (edge.depends_on_id for edge in self.edges)
        if self.parent:
            yield self.parent

    def after(self, *edges: Edge) -> "Draft":
        """Have the job wait for these too."""
        return replace(self, edges=(*self.edges, *edges))


def is_composed(chosen: Mapping[str, Any]) -> bool:
    """Whether a job with these options is more than a row."""
    if not chosen:
        return False
    # A parent that is only named may not be there.
    return bool(
        chosen.get("depends_on") or chosen.get("on_failure") or isinstance(chosen.get("parent"), str | uuid.UUID)
    )


def drafts_of(job_type: JobType | Entry, payload: dict[str, Any], chosen: Options, level: int = 0) -> list[Draft]:
    """Check a job and its options; gives its draft, and behind it those of jobs that run if it fails.

    Raises InvalidPayload or InvalidOption.
    """
    row = row_of(job_type, payload, chosen)
    draft = Draft(row, parent=row["parent_id"] if isinstance(chosen.get("parent"), str | uuid.UUID) else None)
    if depends_on := chosen.get("depends_on"):
        draft = draft.after(*edges_of(draft.id, depends_on))
    fallback = chosen.get("on_failure")
    return [draft] if fallback is None else [draft, *_fallback(draft, fallback, chosen, level)]


def edges_of(job_id: uuid.UUID, depends_on: Any) -> tuple[Edge, ...]:
    """Read what stands in depends_on; raises InvalidOption."""
    if isinstance(depends_on, str | Mapping) or not hasattr(depends_on, "__iter__"):
        raise InvalidOption("depends_on", "must be a list of jobs.")
    edges: dict[uuid.UUID, Edge] = {}
    for each in depends_on:
        after = each if isinstance(each, After) else After(each)
        if after.condition not in Condition.values:
            raise InvalidOption("depends_on", f"has a condition other than {', '.join(Condition.values)}.")
        other = job_id_of("depends_on", after.job)
        if edges.setdefault(other, Edge(job_id, other, str(after.condition))).condition != after.condition:
            raise InvalidOption("depends_on", f"names job {other} with two conditions.")
    if len(edges) > MAX_DEPENDENCIES:
        raise InvalidOption("depends_on", f"must be a list of at most {MAX_DEPENDENCIES:,} jobs.")
    return tuple(edges.values())


def _fallback(draft: Draft, fallback: Any, chosen: Options, level: int) -> list[Draft]:
    if not isinstance(fallback, NewJob):
        raise InvalidOption("on_failure", "must be a NewJob(…).")
    if level == MOST_FALLBACKS:
        raise InvalidOption("on_failure", f"must be nested at most {MOST_FALLBACKS} deep.")
    try:
        first, *others = member(fallback, chosen, level + 1)
    except InvalidPayload as error:
        raise InvalidPayload(error.violations, f"on_failure/{error.field}") from error
    except InvalidOption as error:
        raise InvalidOption(f"on_failure/{error.option}", error.detail) from error
    return [first.after(Edge(first.id, draft.id, Condition.FAILED)), *others]


def member(new: NewJob, shared: Mapping[str, Any], level: int = 0) -> list[Draft]:
    """Give the drafts of a job that others are linked to; what it does not say of its owner comes from `shared`.

    Raises as drafts_of does, and InvalidOption for a unique key: the job that is linked could be another one then.
    """
    inherited: Any = {name: shared[name] for name in _INHERITED if shared.get(name) is not None}
    options: Options = {**inherited, **new.options}
    drafts = drafts_of(catalogue.job_type(new.job_type), new.payload, options, level)
    if "unique_key" in drafts[0].row:
        raise InvalidOption("unique_key", "cannot be given to a job that others are linked to.")
    return drafts

"""How far articles are, from their rows and from the jobs that work on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from jobs.models import Article, Batch, Job
from jobs.pipeline.steps import STEPS
from jobs.pipeline.stored import reached
from jobs.statuses import Status

#: A stage that was not reached and whose job has been pruned, or was never there.
GONE: Final = "gone"

#: What one stage is in, all of them are in: the first that is found.
_WORST: Final = (Status.DEAD_LETTER, Status.FAILED, Status.CANCELLED, GONE)


@dataclass(frozen=True, slots=True)
class StageState:
    """One stage of an article, and the job that leads to it."""

    stage: Article.Stage
    job_type: str
    #: None where the job is not there any more.
    job_id: UUID | None
    #: Of the job; or `completed` where only what it made is left, or `gone`.
    status: str
    progress: int
    message: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """All stages of an article that it was to go through."""

    stages: tuple[StageState, ...]

    @property
    def percent(self) -> int:
        """How much of the way is behind it; 100 is the end."""
        return sum(state.progress for state in self.stages) // len(self.stages)

    @property
    def status(self) -> str:
        """Give the one word for all stages: what stopped it, or how it is going."""
        found = {state.status for state in self.stages}
        for status in _WORST:
            if status in found:
                return str(status)
        if found == {Status.COMPLETED}:
            return Status.COMPLETED
        return Status.PENDING if found == {Status.PENDING} else Status.PROCESSING


def progress_of(articles: Iterable[Article]) -> dict[UUID, Progress]:
    """Give the progress of articles by their ids, with two queries for all of them."""
    wanted = list(articles)
    steps = _steps(wanted)
    jobs = Job.objects.only("status", "progress", "progress_message", "error_message").in_bulk(
        {job_id for ids in steps.values() for job_id in ids.values()}
    )
    return {each.pk: Progress(tuple(_states(each, steps[each.pk], jobs))) for each in wanted}


def _steps(articles: Sequence[Article]) -> dict[UUID, dict[str, UUID]]:
    known = {each.pk: each.batch for each in articles if each.batch_id and Article.batch.is_cached(each)}
    unread = {each.batch_id for each in articles if each.batch_id and each.pk not in known}
    batches = Batch.objects.only("steps").in_bulk(unread) if unread else {}
    return {each.pk: _ids(known.get(each.pk) or batches.get(each.batch_id)) for each in articles}


def _ids(batch: Batch | None) -> dict[str, UUID]:
    return {name: UUID(job_id) for name, job_id in ((batch and batch.steps) or {}).items()}


def _states(article: Article, ids: Mapping[str, UUID], jobs: Mapping[UUID, Job]) -> Sequence[StageState]:
    spoken = article.preferences.get("podcast") or article.stage == Article.Stage.SPOKEN
    names = [name for name in STEPS if name != "podcast" or spoken]
    return [_state(article, name, jobs.get(ids[name]) if name in ids else None) for name in names]


def _state(article: Article, name: str, job: Job | None) -> StageState:
    job_type, stage = STEPS[name]
    if job is None:
        there = reached(article, stage)
        return StageState(stage, job_type, None, Status.COMPLETED if there else GONE, 100 if there else 0, "", None)
    done = job.status == Status.COMPLETED
    # What a job had come to before it stopped is not on the way any more: a redrive begins anew.
    percent = 100 if done else job.progress if job.status == Status.PROCESSING else 0
    facts: dict[str, Any] = {
        "message": "" if done else job.progress_message,
        "error": None if done else job.error_message,
    }
    return StageState(stage, job_type, job.pk, job.status, percent, **facts)

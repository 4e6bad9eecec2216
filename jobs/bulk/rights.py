"""What keeps single jobs from being put back to work: their owner's languages, and unique keys that others hold."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError

from jobs import language_rights
from jobs.bulk.locking import Locked
from jobs.exceptions import LanguageNotAllowed, UniqueKeyTaken
from jobs.models import Job
from jobs.models.comparison import IsAmong
from jobs.models.lock_limit import LockedByOthers, lock_limit
from jobs.statuses import Status

#: For a key that somebody is about to take: less than the second after which PostgreSQL looks for deadlocks.
PATIENCE: Final = 0.2

#: What is written of a job; the values can be keys of a dict.
Changes = Callable[[Locked], dict[str, Any]]


def allowed(jobs: Sequence[Locked], refuse: Callable[[Locked, str], None]) -> list[Locked]:
    """Keep the jobs whose owners may still use their languages."""
    owners: dict[str, set[UUID]] = {}
    for job in jobs:
        if job.user_id is not None:
            owners.setdefault(language_rights.language_of(job.queue), set()).add(job.user_id)
    barred = {language: language_rights.barred(language, users) for language, users in owners.items()}
    kept = []
    for job in jobs:
        language = language_rights.language_of(job.queue)
        if job.user_id is not None and str(job.user_id) in barred[language]:
            refuse(job, str(LanguageNotAllowed(language)))
        else:
            kept.append(job)
    return kept


def put_back(
    jobs: Sequence[Locked], changes: Changes, refuse: Callable[[Locked, str], None], later: Callable[[Locked], None]
) -> list[Locked]:
    """Write the changes that make jobs pending; those whose unique key another job holds stay as they are.

    Where a key is taken at this very moment, all jobs with keys are left to be had one by one: whoever submits many
    jobs takes their keys in an order of his own, and must not be found in a deadlock with this.
    """
    free = [job for job in jobs if not _takes_key(job)]
    keyed = _first_of_each_key([job for job in jobs if _takes_key(job)], later)
    written = _write(free, changes)
    held = _holders(keyed)
    wanted = []
    for job in keyed:
        if holder := held.get(_key(job)):
            refuse(job, str(UniqueKeyTaken(job.unique_key or "", holder)))
        else:
            wanted.append(job)
    try:
        with lock_limit(PATIENCE):
            return written + _write(wanted, changes)
    except (IntegrityError, LockedByOthers):
        for job in wanted:
            later(job)
        return written


def _write(jobs: list[Locked], changes: Changes) -> list[Locked]:
    alike: dict[tuple[tuple[str, Any], ...], list[UUID]] = {}
    for job in jobs:
        alike.setdefault(tuple(changes(job).items()), []).append(job.pk)
    for columns, ids in alike.items():
        Job.objects.filter(IsAmong("pk", ids)).update(**dict(columns))
    return jobs


def _takes_key(job: Locked) -> bool:
    # One that held it only while it waited the first time, or has lost it since, does without.
    return bool(job.unique_key) and (job.unique_states is None or Status.PENDING in job.unique_states)


def _first_of_each_key(jobs: list[Locked], later: Callable[[Locked], None]) -> list[Locked]:
    first: dict[Any, Locked] = {}
    for job in jobs:
        if first.setdefault(_key(job), job) is not job:
            later(job)
    return list(first.values())


def _holders(jobs: list[Locked]) -> dict[Any, UUID]:
    """Name who has these keys; the jobs themselves may have them already."""
    wanted: dict[tuple[str, Any], list[str]] = {}
    for job in jobs:
        wanted.setdefault((job.job_type, job.user_id), []).append(job.unique_key or "")
    own = {job.pk for job in jobs}
    found: dict[Any, UUID] = {}
    for (job_type, user_id), keys in wanted.items():
        held = Job.objects.holding_keys(job_type, keys, user_id).values_list("pk", "unique_key")
        found |= {(job_type, key, user_id): holder for holder, key in held if holder not in own}
    return found


def _key(job: Locked) -> tuple[str, str | None, Any]:
    return job.job_type, job.unique_key, job.user_id

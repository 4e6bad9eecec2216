"""What keeps single jobs from being put back to work: their owner's languages, and unique keys that others hold."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from jobs import language_rights
from jobs.exceptions import LanguageNotAllowed, UniqueKeyTaken
from jobs.models import Job
from jobs.statuses import Status

#: What is written of a job; the values can be keys of a dict.
Changes = Callable[[Job], dict[str, Any]]


def allowed(jobs: Sequence[Job], refuse: Callable[[Job, str], None]) -> list[Job]:
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
    jobs: Sequence[Job], changes: Changes, refuse: Callable[[Job, str], None], later: Callable[[Job], None]
) -> list[Job]:
    """Write the changes that make jobs pending; those whose unique key another job holds stay as they are.

    Keys are taken in their order, as whoever submits many jobs does. Where one is taken at this very moment, all jobs
    with keys are left to be had one by one.
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
        with transaction.atomic():
            return written + _write(sorted(wanted, key=lambda job: tuple(map(str, _key(job)))), changes)
    except IntegrityError:
        for job in wanted:
            later(job)
        return written


def _write(jobs: list[Job], changes: Changes) -> list[Job]:
    alike: dict[tuple[tuple[str, Any], ...], list[UUID]] = {}
    for job in jobs:
        alike.setdefault(tuple(changes(job).items()), []).append(job.pk)
    for columns, ids in alike.items():
        Job.objects.filter(pk__in=ids).update(**dict(columns))
    return jobs


def _takes_key(job: Job) -> bool:
    # One that held it only while it waited the first time, or has lost it since, does without.
    return bool(job.unique_key) and (job.unique_states is None or Status.PENDING in job.unique_states)


def _first_of_each_key(jobs: list[Job], later: Callable[[Job], None]) -> list[Job]:
    first: dict[Any, Job] = {}
    for job in jobs:
        if first.setdefault(_key(job), job) is not job:
            later(job)
    return list(first.values())


def _holders(jobs: list[Job]) -> dict[Any, UUID]:
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


def _key(job: Job) -> tuple[str, str | None, Any]:
    return job.job_type, job.unique_key, job.user_id

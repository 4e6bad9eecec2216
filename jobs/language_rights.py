"""Which languages a user may call functions in: `allowed_languages`, of which an empty one allows all.

It is looked at four times: when a job is submitted or a function invoked, when somebody puts a job back to work, and
when a worker has claimed it, because the right may have ended while the job waited.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from jobs.exceptions import LanguageNotAllowed
from jobs.languages import PYTHON, QUEUE_PREFIX, is_foreign


def allows(user: Any, language: str) -> bool:
    """Tell whether the user may call functions in the language; a job without an owner belongs to the system."""
    return user is None or not user.allowed_languages or language in user.allowed_languages


def check(user: Any, language: str) -> None:
    """Raise LanguageNotAllowed unless the user may call functions in the language."""
    if not allows(user, language):
        raise LanguageNotAllowed(language, user)


def check_owner(job: Any) -> None:
    """Raise LanguageNotAllowed unless the job's owner may still use its language."""
    if job.user_id is not None and str(job.user_id) in barred(language_of(job.queue), [job.user_id]):
        raise LanguageNotAllowed(language_of(job.queue))


def language_of(queue: str) -> str:
    """Give the language whose workers take jobs from the queue."""
    return queue.removeprefix(QUEUE_PREFIX) if is_foreign(queue) else PYTHON


def barred(language: str, user_ids: Iterable[Any] | None = None) -> frozenset[str]:
    """Give the ids of the users who may not use the language, as text: of these users, or of all there are."""
    users = restricted(language)
    if user_ids is not None:
        wanted = user_ids if isinstance(user_ids, Collection) else list(user_ids)
        users = users.filter(pk__in=wanted)
    return frozenset(str(user_id) for user_id in users.values_list("pk", flat=True))


def restricted(language: str) -> QuerySet[Any]:
    """Find the users whose list leaves the language out; a partial index holds all who have a list."""
    users = get_user_model()._default_manager.filter(allowed_languages__isnull=False)
    return users.exclude(Q(allowed_languages__len=0) | Q(allowed_languages__contains=[language]))

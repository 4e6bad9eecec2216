"""The values that there are of a field, as far as that is known without reading history."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from accounts.models import User, Workspace
from jobs.models import Job, Queue
from jobs.models.counter import OutcomeCounter
from jobs.models.job import JobQuerySet
from jobs.registry import registry
from jobs.search.engine_values import engine_values
from jobs.search.language.fields import Field, Kind
from jobs.search.language.metadata_values import entries, is_path, values
from jobs.statuses import Priority

#: So many of the newest jobs are looked at for values of free fields,
RECENT: Final = 1_000
#: and so many for what their metadata holds, which may be long.
RECENT_METADATA: Final = 200
#: Of users, workspaces, queues: there may be many.
_SOME: Final = 20
_TYPES: Final = 200

#: Moments that are asked for often, and what they mean.
MOMENTS: Final = {
    "now-1h": "In the last hour",
    "now-24h": "In the last 24 hours",
    "now-7d": "In the last 7 days",
    "now/d": "Since midnight, UTC",
    "now-1d/d": "Since yesterday's midnight, UTC",
    "now-30d": "In the last 30 days",
}

Values = Iterable[tuple[str, str]]


def known_values(field: Field, beginning: str, user: Any) -> Values:
    """Give values of the field that begin so, whatever the case, each with words about it; the usual ones first."""
    lowered = beginning.lower()
    return ((value, words) for value, words in _of(field, beginning, user) if value.lower().startswith(lowered))


def metadata_paths(beginning: str, user: Any) -> Iterator[tuple[str, ...]]:
    """Give the paths, seen in new jobs, that begin so; the usual ones first."""
    documents = _newest(_seen_by(user)).values_list("metadata", flat=True)[:RECENT_METADATA]
    seen = Counter(path for document in documents for path in dict(entries(document)) if is_path(path))
    return (path for path, _ in seen.most_common() if ".".join(path).startswith(beginning))


def job_types() -> list[str]:
    """Name the types that are registered here, and those that have been run."""
    # Tasks of Django's framework are registered in workers only, which count what they have run.
    ran = OutcomeCounter.objects.order_by("job_type").values_list("job_type", flat=True).distinct()[:_TYPES]
    return sorted({*(job_type.name for job_type in registry), *ran})


def queues() -> list[str]:
    named = Queue.objects.values_list("name", flat=True)[:_TYPES]
    return sorted({*(job_type.queue for job_type in registry), *named})


def _of(field: Field, beginning: str, user: Any) -> Values:
    if field.choices:
        return _without_words(field.choices)
    if field.kind is Kind.BOOLEAN:
        return _without_words(("true", "false"))
    match field.name:
        case "job_type":
            return _without_words(job_types())
        case "queue":
            return _without_words(queues())
        case "user_id":
            return _users(beginning, user)
        case "workspace":
            return _without_words(_workspaces(beginning, user))
        case "priority":
            return ((str(level.value), str(level.label)) for level in sorted(Priority, reverse=True))
    known = engine_values(field, beginning, user) if field.kind is Kind.KEYWORD else None
    return _without_words(known) if known else _recent(field, user)


def _without_words(found: Iterable[str]) -> Values:
    return ((value, "") for value in found)


def _users(beginning: str, user: Any) -> Values:
    if not user.is_staff:
        return [(user.user_id, user.name)]
    # As written: the database index of names knows their case.
    found = User.objects.filter(user_id__startswith=beginning).order_by("user_id")
    return list(found.values_list("user_id", "name")[:_SOME])


def _workspaces(beginning: str, user: Any) -> Iterable[str]:
    if not user.is_staff:
        return []
    return Workspace.objects.filter(name__istartswith=beginning).values_list("name", flat=True)[:_SOME]


def _recent(field: Field, user: Any) -> Values:
    """Give what the newest jobs have in the field, the most frequent first."""
    if field.kind is Kind.METADATA:
        documents = _newest(_seen_by(user)).values_list("metadata", flat=True)[:RECENT_METADATA]
        found = (str(value) for document in documents for value in values(document, field.path))
    elif field.kind is Kind.KEYWORD:
        column = _newest(_seen_by(user)).values_list(field.column, flat=True)[:RECENT]
        found = (value for cell in column for value in (cell if field.many else [cell]))
    else:
        return ()
    counted = Counter(value for value in found if value)
    return _without_words(value for value, _ in counted.most_common())


def _seen_by(user: Any) -> JobQuerySet:
    jobs = Job.objects.visible()
    return jobs if user.is_staff else jobs.owned_by(user)


def _newest(jobs: JobQuerySet) -> JobQuerySet:
    return jobs.order_by("-id")

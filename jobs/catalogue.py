"""What can be called, in whatever language: Python's job types from the registry, the others from `meta.functions`.

Each process keeps what it has read for a few seconds, so that calling a function costs no look at its row; Python's
job types cost none at all to submit. What this process changes, it sees at once.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from jobs.exceptions import FunctionInactive, InvalidPayload, UnknownFunction, UnknownJobType, Violation
from jobs.languages import PYTHON, language_title, queue_of
from jobs.limits import Limits
from jobs.models import Function
from jobs.registry import JobType, registry
from jobs.schemas import Check, Schema, Validator
from jobs.secret_marks import Marks, SecretMarks, SecretNames
from jobs.statuses import Priority
from jobs.uniqueness import Unique

#: How long another process may not know of a change.
KEPT_SECONDS: Final = 5.0
#: A name that does not exist is asked for again sooner: somebody may be about to register it.
MISSED_SECONDS: Final = 1.0
#: Names come from clients, so memory for them is bounded.
MOST_KEPT: Final = 10_000

_COLUMNS: Final = (
    *("language", "title", "language_title", "description", "schema_definition", "version", "cache_seconds"),
    *("timeout", "max_retries", "is_active", "updated_at"),
)

#: The schema of a function that has none.
_ANYTHING: Final[Schema] = {"type": "object"}


@dataclass(frozen=True)
class Entry:
    """Something callable and the policy its jobs get; takes a JobType's place where jobs are submitted."""

    language: str
    title: str
    #: The job type of its jobs: of Python the registered name, of other languages the language_title.
    name: str
    queue: str
    priority: int
    max_retries: int | None
    timeout: float | None
    schema: Schema
    description: str
    version: str
    cache_seconds: int | None
    is_active: bool
    updated_at: datetime | None = None
    #: Only handlers have a policy; of other languages the caller chooses.
    unique: Unique | None = None
    limits: Limits | None = None
    check: Check | None = None

    @property
    def language_title(self) -> str:
        return language_title(self.language, self.title)

    @cached_property
    def validator(self) -> Validator:
        """Compile the schema; raises InvalidPayload for one that SQL has put in and nothing can be checked against."""
        try:
            return Validator(self.schema, self.check, secretive=SecretMarks(self.schema).exist)
        except ValueError as error:
            detail = f"cannot be checked, the function's schema is broken: {str(error).splitlines()[0]}"
            raise InvalidPayload([Violation("", "schema", detail)]) from error

    @cached_property
    def secrets(self) -> Marks:
        """Which values of its payloads are hidden from people; without a schema those under telling names."""
        return SecretNames() if self.schema == _ANYTHING else SecretMarks(self.schema)

    def refuse_inactive(self) -> None:
        """Raise FunctionInactive when it was switched off."""
        if not self.is_active:
            raise FunctionInactive(self.language_title)


def job_type(name: str) -> JobType | Entry:
    """Give what is submitted under this job type; raises UnknownJobType, and FunctionInactive in other languages."""
    if name in registry:
        return registry.get(name)
    entry = _foreign(name)
    if entry is None:
        raise UnknownJobType(name)
    entry.refuse_inactive()
    return entry


def function_of(name: str) -> Entry:
    """Give the function of a language_title, or else of a job type; raises UnknownFunction.

    A function that is switched off is given too: look at `is_active` or call `refuse_inactive`.
    """
    language, _, title = name.partition("-")
    python = registry.get(title) if language == PYTHON and title in registry else None
    if python is None and name in registry:
        python = registry.get(name)
    if python is not None and not python.internal:
        return _of_python(python)
    entry = _foreign(name)
    if entry is None:
        raise UnknownFunction(name)
    return entry


def function_of_job_type(name: str) -> Entry:
    """Give the function whose jobs have this type; raises UnknownJobType."""
    if name in registry:
        return _of_python(registry.get(name))
    entry = _foreign(name)
    if entry is None:
        raise UnknownJobType(name)
    return entry


def is_known(job_type: str) -> bool:
    """Tell whether there is a handler or a function for this job type, be it switched off."""
    return job_type in registry or _foreign(job_type) is not None


def secrets_of(name: str) -> Marks:
    """Give what is secret in payloads of this job type or function, also of one whose handler has gone."""
    language, _, title = name.partition("-")
    for known in (name, title if language == PYTHON else name):
        if known in registry:
            return registry.get(known).secrets
    entry = _look(name) or _look(language_title(PYTHON, name))
    return entry.secrets if entry is not None else SecretNames()


def prefetch(names: Iterable[str]) -> None:
    """Read in one statement what is not known yet of many job types."""
    now = time.monotonic()
    missing = {
        name for name in names if name not in registry and ((kept := _kept.get(name)) is None or kept.until <= now)
    }
    if len(missing) > 1:
        _read(missing)


def forget(name: str | None = None) -> None:
    """Read a function again at its next use, or all of them."""
    if name is None:
        _kept.clear()
    else:
        _kept.pop(name, None)


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: Entry | None
    until: float


_kept: Final[dict[str, _Kept]] = {}
#: Python's, with the job type that each was made of.
_python: Final[dict[str, tuple[JobType, Entry]]] = {}


def _foreign(name: str) -> Entry | None:
    entry = _look(name)
    return entry if entry is not None and entry.language != PYTHON else None


def _of_python(found: JobType) -> Entry:
    row = _look(language_title(PYTHON, found.name))
    # A row that is missing has not been written yet; the registry is what counts.
    is_active = row is None or row.is_active
    known = _python.get(found.name)
    if known is None or known[0] is not found or known[1].is_active != is_active:
        known = _python[found.name] = found, _of_job_type(found, is_active)
    return known[1]


def _of_job_type(found: JobType, is_active: bool) -> Entry:
    return Entry(
        language=PYTHON,
        title=found.name,
        name=found.name,
        queue=found.queue,
        priority=found.priority,
        max_retries=found.max_retries,
        timeout=found.timeout,
        schema=found.schema,
        description=found.description,
        version=found.version,
        cache_seconds=found.cache_seconds,
        is_active=is_active,
        check=found.check,
    )


def _look(name: str) -> Entry | None:
    kept = _kept.get(name)
    if kept is None or kept.until <= time.monotonic():
        kept = _read({name})[name]
    return kept.entry


def _read(names: set[str]) -> dict[str, _Kept]:
    now = time.monotonic()
    rows = {row["language_title"]: row for row in Function.objects.filter(language_title__in=names).values(*_COLUMNS)}
    read = {name: _keep(name, rows.get(name), now) for name in names}
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    _kept.update(read)
    return read


def _keep(name: str, row: dict[str, Any] | None, now: float) -> _Kept:
    if row is None:
        return _Kept(None, now + MISSED_SECONDS)
    before = _kept.get(name)
    if before is not None and before.entry is not None and before.entry.updated_at == row["updated_at"]:
        # The same row: its compiled schema is kept.
        return _Kept(before.entry, now + KEPT_SECONDS)
    return _Kept(_of_row(row), now + KEPT_SECONDS)


def _of_row(row: dict[str, Any]) -> Entry:
    schema = row.pop("schema_definition")
    return Entry(
        **{name: row[name] for name in _COLUMNS if name in row and name != "language_title"},
        name=row["language_title"],
        queue=queue_of(row["language"]),
        priority=int(Priority.NORMAL),
        schema=_ANYTHING if schema is None else schema,
    )


@receiver((post_save, post_delete), sender=Function)
def _forget_changed(sender: Any, instance: Function, using: str, **kwargs: Any) -> None:
    name = instance.language_title
    forget(name)
    # Another thread may have read the old row in the meantime.
    transaction.on_commit(lambda: forget(name), using=using)

"""Keeps the catalogue's rows of Python functions in step with the handlers that this installation has."""

import json
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections, router
from django.utils import timezone

from jobs.languages import PYTHON, language_title
from jobs.models import Function
from jobs.registry import JobType, registry

#: In `created_by`: nobody registered these.
AUTHOR: Final = "sync_functions"

_COLUMNS_THERE: Final = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass('meta.functions')"

_MIRRORED: Final = (
    *("description", "schema_definition", "examples", "version", "tags"),
    *("cache_seconds", "timeout", "max_retries"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a synchronization changed, by language_title."""

    added: list[str]
    changed: list[str]
    vanished: list[str]
    returned: list[str]
    #: Job types whose names do not fit into the catalogue.
    unfit: list[str]


def synchronize(using: str | None = None) -> Report:
    """Write a row for each registered job type, and switch off those whose handler is gone; writes only differences.

    What a person switched off stays off. What was switched off for want of a handler comes back with it.
    """
    using = using or router.db_for_write(Function)
    functions = Function.objects.using(using)
    listed = registry.listed()
    wanted = {function.language_title: function for function in map(_function, filter(fits, listed))}
    rows = {row.language_title: row for row in functions.filter(language=PYTHON)}
    added = [function for name, function in wanted.items() if name not in rows]
    # Two processes that start together both come here.
    functions.bulk_create(added, ignore_conflicts=True)
    changed: list[str] = []
    returned: list[str] = []
    for name in sorted(wanted.keys() & rows.keys()):
        back, differs = _take_back(rows[name]), _adopt(rows[name], wanted[name])
        if back or differs:
            (returned if back else changed).append(name)
            rows[name].save(using=using, update_fields=[*_MIRRORED, "is_active", "vanished_at"])
    gone = [row for name, row in rows.items() if name not in wanted and row.is_active]
    for row in gone:
        row.is_active, row.vanished_at = False, timezone.now()
        row.save(using=using, update_fields=["is_active", "vanished_at"])
    names = [[row.language_title for row in part] for part in (added, gone)]
    return Report(names[0], changed, names[1], returned, [job_type.name for job_type in listed if not fits(job_type)])


def synchronize_migrated(using: str, **kwargs: Any) -> None:
    """Synchronize after migrations, if this database holds the catalogue, and as this release knows it.

    Migrations may have been run backwards, and then its columns are others or it is not there at all.
    """
    if not router.allow_migrate_model(using, Function):
        return
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS_THERE)
        there = {name for (name,) in cursor.fetchall()}
    if {field.column for field in Function._meta.concrete_fields} <= there:
        synchronize(using)


def _take_back(row: Function) -> bool:
    """Switch a function on again that was off only because its handler was gone."""
    if row.vanished_at is None:
        return False
    row.is_active, row.vanished_at = True, None
    return True


def _adopt(row: Function, wanted: Function) -> bool:
    """Take over what the handler says; tell whether anything differed."""
    differs = False
    for name in _MIRRORED:
        if getattr(row, name) != getattr(wanted, name):
            differs = True
            setattr(row, name, getattr(wanted, name))
    return differs


def _function(job_type: JobType) -> Function:
    return Function(
        language=PYTHON,
        title=job_type.name,
        language_title=language_title(PYTHON, job_type.name),
        description=job_type.description,
        schema_definition=_plain(job_type.schema),
        examples=_plain(job_type.examples) or None,
        version=job_type.version,
        tags=list(job_type.tags) or None,
        cache_seconds=job_type.cache_seconds,
        timeout=job_type.timeout,
        max_retries=job_type.max_retries,
        created_by=AUTHOR,
    )


def _plain(value: Any) -> Any:
    """Give what comes back when it has been stored: tuples are lists then."""
    return json.loads(json.dumps(value))


def fits(job_type: JobType) -> bool:
    """Tell whether the catalogue has room for the name."""
    return len(job_type.name) <= (Function._meta.get_field("title").max_length or 0)

"""Indexes: those that the models declare and the database lacks, and those that a failed build has left behind."""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models, router

from jobs.doctor.asking import SCHEMAS, rows
from jobs.doctor.findings import Finding, critical, ok, warn

_INVALID: Final = """
SELECT c.oid::regclass::text, i.indrelid::regclass::text, i.indisunique
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND NOT (i.indisvalid AND i.indisready) AND c.relkind = 'i'
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
"""
_NAMES: Final = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('i', 'I')
"""


def look() -> Iterator[Finding]:
    declared = dict(_declared())
    there = {name for (name,) in rows(_NAMES, [SCHEMAS])}
    lost = [_lost(name, *declared[name]) for name in declared if name not in there]
    found = [
        *lost,
        *(_invalid(*row, declared=row[0].rpartition(".")[2] in declared) for row in rows(_INVALID, [SCHEMAS])),
    ]
    yield from found or [ok(f"All {len(declared)} indexes that are declared are there, and whole.")]


def _declared() -> Iterator[tuple[str, tuple[type[models.Model], models.Index | models.UniqueConstraint]]]:
    """Give what has a name of its own; partitions and the framework's tables look after theirs."""
    for model in apps.get_models():
        if not model._meta.managed or not model.__module__.startswith(("accounts.", "jobs.", "analytics.")):
            continue
        if router.db_for_read(model) != DEFAULT_DB_ALIAS:
            continue
        for index in model._meta.indexes:
            yield index.name, (model, index)
        for constraint in model._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint):
                yield constraint.name, (model, constraint)


def _lost(name: str, model: type[models.Model], made_by: models.Index | models.UniqueConstraint) -> Finding:
    table, sql = model._meta.db_table, _sql(model, made_by)
    if isinstance(made_by, models.UniqueConstraint):
        return critical(f"The unique index {name} of {table} is missing: the same may be stored twice.", f"{sql};")
    return warn(f"The index {name} of {table} is missing: some queries read the whole table.", f"{sql};")


def _sql(model: type[models.Model], made_by: Any) -> str:
    # Asked for its words only: collecting is not executing.
    editor = connections[DEFAULT_DB_ALIAS].schema_editor(collect_sql=True, atomic=False)
    if isinstance(made_by, models.UniqueConstraint):
        return str(made_by.create_sql(model, editor))
    return str(made_by.create_sql(model, editor, concurrently=True))


def _invalid(name: str, table: str, unique: bool, *, declared: bool) -> Finding:
    what = f"The index {name} of {table} is invalid: it was not built to its end, costs writes and serves no query."
    if not declared:
        # What a REINDEX left, or somebody's own.
        return warn(what, f"DROP INDEX CONCURRENTLY {name};")
    advice = f"REINDEX INDEX CONCURRENTLY {name};"
    return critical(what, advice) if unique else warn(what, advice)

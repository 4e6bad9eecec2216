"""What the database has become: `meta.schema_version`, in step with the migrations that ran."""

import socket
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import psutil
from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import SchemaVersion

#: Whose migrations are versions of our schema; Django's own apps have their releases.
OUR_APPS: Final = ("accounts", "jobs", "analytics")


def record_migrations(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Write down each migration of ours that `migrate` has applied, and strike those it took back.

    Called after every `migrate`. The table is in the first database and tells of both.
    """
    if SchemaVersion._meta.db_table not in connections[DEFAULT_DB_ALIAS].introspection.table_names():
        return
    here = [app for app in OUR_APPS if router.allow_migrate(using, app)]
    applied = _applied(using, here)
    known = set(SchemaVersion.objects.values_list("version", flat=True))
    gone = [version for version in known if version.partition(".")[0] in here and version not in applied]
    SchemaVersion.objects.filter(version__in=gone).delete()
    who = f"{connections[using].get_connection_params()['user']} ({psutil.Process().username()}@{socket.gethostname()})"
    SchemaVersion.objects.bulk_create(
        (
            SchemaVersion(version=version, description=description, applied_at=at, applied_by=who[:128])
            for version, (description, at) in applied.items()
            if version not in known
        ),
        ignore_conflicts=True,
    )


def pending() -> list[str]:
    """Name the migrations of this release that a database lacks."""
    return [
        f"{migration.app_label}.{migration.name} ({alias})"
        for alias in connections
        for executor in [MigrationExecutor(connections[alias])]
        for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())
    ]


def _applied(using: str, apps: Iterable[str]) -> Mapping[str, tuple[str, datetime]]:
    recorded = MigrationRecorder(connections[using]).applied_migrations()
    versions = {}
    for (app, name), row in recorded.items():
        if app in apps:
            number, _, words = name.partition("_")
            versions[f"{app}.{number}"] = (words.replace("_", " ").capitalize(), row.applied)
    return versions

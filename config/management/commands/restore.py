from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.backup import restoring
from config.backup.making import Begin
from config.backup.manifest import Manifest, verify
from config.backup.places import places, progress, server_running
from config.exceptions import BackupFailed, StartError
from jobs.management.arguments import whole


class Command(BaseCommand):
    help = "Restore a back-up into an empty database, or one table of it, and compare every table with the back-up."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", type=Path, help="the directory that manage.py backup made")
        parser.add_argument("--table", metavar="NAME", help="only this table and its partitions, empty or missing here")
        parser.add_argument("--database", choices=list(connections), help="only this one of two databases")
        parser.add_argument("--jobs", type=whole, default=1, metavar="N", help="restore so many tables at a time")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            verify(options["backup"])
            with server_running(), progress() as begin:
                self._restore(Manifest.read(options["backup"]), options, begin)
        except (BackupFailed, StartError) as exc:
            raise CommandError(str(exc)) from exc

    def _restore(self, manifest: Manifest, options: dict[str, Any], begin: Begin) -> None:
        here = places()
        aliases = self._aliases(manifest, here, options)
        for alias in aliases:
            told = manifest.databases[alias]
            if options["table"]:
                names = restoring.restore_table(options["backup"], alias, told, here[alias], begin, options["table"])
            else:
                names = restoring.restore(options["backup"], alias, told, here[alias], begin, options["jobs"])
            rows = sum(told.tables[name].rows for name in names)
            self.stdout.write(f"{alias}: {len(names)} tables, {rows} rows, all as they were at {manifest.made_at}")

    def _aliases(self, manifest: Manifest, here: dict[str, Any], options: dict[str, Any]) -> list[str]:
        """Say which databases to restore; with --table, the one that has it."""
        wanted = [options["database"]] if options["database"] else list(manifest.databases)
        if unknown := set(wanted) - set(manifest.databases):
            raise BackupFailed(f"The back-up has no database {unknown.pop()!r}.")
        if not set(wanted) <= set(here):
            raise BackupFailed("The back-up is of two databases: set LOGS_DATABASE_URL, or choose one with --database.")
        if options["table"]:
            bare = options["table"].rpartition(".")[2]
            having = [
                alias for alias in wanted if any(name.endswith(f".{bare}") for name in manifest.databases[alias].tables)
            ]
            return having[:1] or wanted[:1]
        return wanted

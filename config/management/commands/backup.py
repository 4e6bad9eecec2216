import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.backup.making import make
from config.backup.manifest import Manifest
from config.backup.places import places, progress, server_running
from config.exceptions import BackupFailed, StartError


class Command(BaseCommand):
    help = "Back up the database (and that of the logs) into a new directory, and check that it is whole."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--output", type=Path, default=Path("backups"), metavar="DIR", help="where to put it (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # SIGTERM unwinds like Ctrl-C: pg_dump and what it has written are not left behind.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with server_running(), progress() as begin:
                made = make(options["output"].absolute(), places(backup=True), begin)
        except (BackupFailed, StartError) as exc:
            raise CommandError(str(exc)) from exc
        except KeyboardInterrupt:
            raise CommandError("Stopped; nothing was kept.", returncode=130) from None
        finally:
            signal.signal(signal.SIGTERM, before)
        for alias, database in Manifest.read(made).databases.items():
            self.stdout.write(f"{alias}: {len(database.tables)} tables, {database.rows} rows")
        self.stdout.write(str(made))

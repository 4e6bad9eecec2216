from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from analytics import detaching, partitions


class Command(BaseCommand):
    help = "List the request log's partitions, make those of the coming months, drop old ones while everything runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ahead", type=int, metavar="MONTHS", help="make partitions for so many months ahead")
        parser.add_argument(
            "--drop-older-than",
            type=int,
            metavar="MONTHS",
            help="drop what is older than so many whole months before the running one",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be dropped")

    def handle(self, **options: Any) -> None:
        ahead, months, dry_run = options["ahead"], options["drop_older_than"], options["dry_run"]
        if dry_run and months is None:
            raise CommandError("--dry-run goes with --drop-older-than.")
        try:
            if ahead is not None:
                self._create(ahead)
            if months is not None:
                self._drop(months, dry_run)
            if ahead is None and months is None:
                self._list()
        except DatabaseError as error:
            raise CommandError(str(error).strip().partition("\n")[0]) from error

    def _list(self) -> None:
        for partition in partitions.existing():
            starts = f"{partition.starts:%Y-%m-%d}" if partition.starts else "?"
            ends = f"{partition.ends:%Y-%m-%d}" if partition.ends else "?"
            note = "  being detached" if partition.detaching else ""
            self.stdout.write(f"{partition.name:28} {starts} to {ends}{note}")
        for name in detaching.left_over():
            self.stdout.write(f"{name:28} detached, to be dropped")

    def _create(self, ahead: int) -> None:
        for name in partitions.create_ahead(ahead):
            self.stdout.write(f"made {name}")

    def _drop(self, months: int, dry_run: bool) -> None:
        if dry_run:
            for name in [*detaching.left_over(), *(old.name for old in partitions.old(months))]:
                self.stdout.write(f"would drop {name}")
            return
        if not detaching.may_detach():
            raise CommandError("Only the owner of the logs may detach partitions: use the role that migrates.")
        for name in detaching.drop_old(months, self.stderr.write):
            self.stdout.write(f"dropped {name}")

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from jobs import retention
from jobs.management.arguments import whole
from jobs.retention import KINDS, Rule, Walk


class Command(BaseCommand):
    """Delete old jobs now, as workers do by and by."""

    help = "Delete jobs that ended long ago, by the settings or as told; workers do it by themselves, but slowly."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--older-than", type=whole, metavar="DAYS", help="days since their end, instead of the settings'")
        add("--status", action="append", choices=KINDS, help="only these; may be given several times")
        add("--dry-run", action="store_true", help="only count what would be deleted")
        add("--gently", action="store_true", help="pause between batches as workers do, for a queue at work")

    def handle(self, **given: Any) -> None:
        rules = self._rules(given["older_than"], given["status"])
        if given["dry_run"]:
            for rule in rules:
                self.stdout.write(f"{rule.old().count():,} {rule.kind} jobs are older than {rule.older.days} days")
            return
        deleted = self._prune(rules, retention.PAUSE if given["gently"] else 0.0)
        self.stdout.write(f"deleted {deleted:,} jobs")

    def _rules(self, days: int | None, kinds: list[str] | None) -> list[Rule]:
        rules = retention.rules() if days is None else [Rule(kind, timedelta(days=days)) for kind in KINDS]
        return [rule for rule in rules if kinds is None or rule.kind in kinds]

    def _prune(self, rules: list[Rule], pause: float) -> int:
        deleted = 0
        columns = (SpinnerColumn(), TextColumn("{task.completed:,} jobs deleted"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            for number in retention.prune([Walk(rule) for rule in rules], pause=pause):
                deleted += number
                bar.update(task, completed=deleted)
        return deleted

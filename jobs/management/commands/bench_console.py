import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.bench.console import NotEmpty, console
from jobs.bench.machine import machine
from jobs.management.arguments import whole


class Command(BaseCommand):
    """Measure what the console's first page asks of the database, over many jobs."""

    help = "Measure what the console's first page takes of the database; in an empty database, which it empties again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--jobs", type=whole, default=1_000_000, metavar="N", help="finished jobs (%(default)s)")
        add("--pending", type=whole, default=100_000, metavar="N", help="jobs that wait (%(default)s)")
        add("--times", type=whole, default=50, metavar="N", help="how often each page is looked at (%(default)s)")
        add("--json", action="store_true", help="print one JSON object")

    def handle(self, **given: Any) -> None:
        try:
            figures = console(given["jobs"], given["pending"], given["times"], self._tick)
        except (NotEmpty, RuntimeError) as error:
            raise CommandError(str(error)) from error
        figures["machine"] = machine()
        self.stdout.write(json.dumps(figures, indent=2) if given["json"] else "\n".join(_lines(figures)))

    def _tick(self, step: str) -> None:
        # To stderr, so that --json is all of stdout.
        self.stderr.write(step, lambda text: text)


def _lines(figures: dict[str, Any]) -> list[str]:
    lines = [f"{figures['jobs']:,} finished jobs, {figures['pending']:,} pending"]
    for span, page in figures["pages"].items():
        took = f"best {page['best_ms']:.1f} ms, median {page['median_ms']:.1f} ms, p95 {page['p95_ms']:.1f} ms"
        lines.append(f"{span:4} {page['queries']} queries, {took}, most of it:")
        lines += [f"{most:9.1f} ms  {sql}" for sql, most in page["slowest"].items()]
    lines.append(f"the chore took {figures['chore_ms']:.0f} ms")
    return [*lines, *(f"{'met ' if met else 'MISSED'} {goal}" for goal, met in figures["goals"].items())]

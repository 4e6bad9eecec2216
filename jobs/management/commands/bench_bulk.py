import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.bench.bulk import bulk
from jobs.bench.lane import bench_lane
from jobs.bench.machine import machine
from jobs.management.arguments import whole


class Command(BaseCommand):
    """Measure a bulk operation on the configured database, and other jobs beside it."""

    help = "Redrive many dead letters by one bulk operation, and measure other jobs beside it and without it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--letters", type=whole, default=100_000, metavar="N", help="dead letters to redrive (%(default)s)")
        add("--jobs", type=whole, default=10_000, metavar="N", help="jobs that are drained beside it (%(default)s)")

    def handle(self, **given: Any) -> None:
        try:
            with bench_lane() as lane:
                figures = bulk(lane, given["letters"], given["jobs"], self._tick)
        except RuntimeError as error:
            raise CommandError(str(error)) from error
        figures["machine"] = machine()
        self.stdout.write(json.dumps(_rounded(figures), indent=2))

    def _tick(self, step: str) -> None:
        # To stderr, so that what is measured is all of stdout.
        self.stderr.write(step, lambda text: text)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3 if abs(value) < 10 else 1) if isinstance(value, float) else value

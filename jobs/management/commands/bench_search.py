import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from jobs.bench.machine import machine
from jobs.bench.search import goals, search
from jobs.bench.search_report import table
from jobs.exceptions import JobError
from jobs.management.arguments import duration, whole
from jobs.search.engine.failures import EngineError

#: Of jobs; what they take on the disk is beyond what a measurement should take by mistake.
MOST: Final = 1_000_000


class Command(BaseCommand):
    """Measure searches over many jobs, by the engine of ELASTICSEARCH_URL and by PostgreSQL."""

    help = "Measure searches by PostgreSQL and, with ELASTICSEARCH_URL, by the engine, its loading and its lag."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--jobs", type=_jobs, default=100_000, metavar="N", help="jobs to search, at most 1,000,000 (%(default)s)")
        add("--rate", type=whole, default=500, metavar="N", help="changes a second while the lag is measured")
        add("--seconds", type=duration, default=30.0, metavar="TIME", help="for so long (30s)")
        add("--times", type=whole, default=200, metavar="N", help="how often each query is asked (%(default)s)")
        add("--json", action="store_true", help="print one JSON object")

    def handle(self, **given: Any) -> None:
        if given["rate"] * given["seconds"] > given["jobs"]:
            raise CommandError("Each job is changed once: --jobs must be at least --rate times --seconds.")
        try:
            figures = search(given["jobs"], given["rate"], given["seconds"], given["times"], self._tick)
        except (RuntimeError, EngineError, JobError) as error:
            raise CommandError(str(error)) from error
        figures["goals"] = goals(figures)
        figures["machine"] = machine()
        self.stdout.write(json.dumps(_rounded(figures), indent=2) if given["json"] else table(figures))

    def _tick(self, step: str) -> None:
        # To stderr, so that --json is all of stdout.
        self.stderr.write(step, lambda text: text)


def _jobs(text: str) -> int:
    number = whole(text)
    if number > MOST:
        raise ArgumentTypeError(f"{text!r} is more than {MOST:,}")
    return number


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3 if abs(value) < 10 else 1) if isinstance(value, float) else value

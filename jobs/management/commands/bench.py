import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jobs.bench import measures
from jobs.bench.blocked import blocked
from jobs.bench.fan_in import fan_in
from jobs.bench.lane import bench_lane
from jobs.bench.machine import machine
from jobs.bench.pruning import ROWS_AT_ONCE, pruning
from jobs.bench.report import table
from jobs.bench.similarity import CHUNK, similarity
from jobs.bench.web import web
from jobs.management.arguments import whole


class Command(BaseCommand):
    """Measure the queue on the configured database, beside bare SQL."""

    help = "Measure enqueue, drain and latency beside the same SQL in a bare loop; leaves nothing behind."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--jobs", type=whole, default=20_000, metavar="N", help="jobs in each drain (%(default)s)")
        add("--processes", type=whole, default=1, metavar="N", help="also drain with so many worker processes")
        add("--history", type=whole, metavar="N", help="also drain with so many finished jobs in the table")
        add("--prune", type=whole, metavar="N", help="also drain while so many old jobs are pruned")
        add("--fan-in", type=whole, metavar="N", help="also drain so many jobs that another one waits for")
        add("--blocked", type=whole, metavar="N", help="also claims behind so many jobs that one key blocks")
        add("--similarity", type=whole, metavar="N", help="also index so many articles, search and compare them")
        add("--snapshot", action="store_true", help="also drain 100,000 jobs under an old snapshot")
        add("--api", action="store_true", help="also the REST API with one web process at 1, 10 and 100 in flight")
        add("--json", action="store_true", help="print one JSON object")

    def handle(self, **given: Any) -> None:
        figures: dict[str, Any] = {}
        columns = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # The bar goes to stderr, so that --json is all of stdout.
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar, bench_lane() as lane:
            task = bar.add_task("starting", total=self._steps(given))

            def tick(step: str) -> None:
                bar.update(task, advance=1, description=step)

            try:
                figures |= measures.enqueueing(lane, tick)
                figures |= measures.draining(lane, given["jobs"], given["processes"], tick)
                figures |= measures.latency(lane, tick)
                if given["history"]:
                    figures |= measures.history(lane, given["jobs"], given["history"], tick)
                if given["prune"]:
                    figures |= pruning(lane, given["jobs"], given["prune"], tick)
                if given["fan_in"]:
                    figures |= fan_in(lane, given["fan_in"], given["processes"], tick)
                if given["blocked"]:
                    figures |= blocked(lane, given["blocked"], tick)
                if given["similarity"]:
                    figures |= similarity(given["similarity"], tick)
                if given["snapshot"]:
                    figures |= measures.old_snapshot(lane, tick)
                if given["api"]:
                    figures |= web(lane, tick)
            except RuntimeError as error:
                raise CommandError(str(error)) from error
        figures["machine"] = machine()
        self.stdout.write(json.dumps(_rounded(figures), indent=2) if given["json"] else table(figures))

    def _steps(self, given: dict[str, Any]) -> int:
        steps: int = 3 * measures.ROUNDS + (3 + (given["processes"] > 1)) * measures.ROUNDS + measures.LATENCY_JOBS
        steps += (3 + -(-given["history"] // 50_000)) if given["history"] else 0
        # How many drains fit in, nobody knows before.
        steps += (3 * given["prune"] // (2 * ROWS_AT_ONCE) + 5) if given["prune"] else 0
        steps += 3 * len({1, given["processes"]}) if given["fan_in"] else 0
        steps += 2 * measures.ROUNDS if given["blocked"] else 0
        steps += (-(-given["similarity"] // CHUNK) + 2) if given["similarity"] else 0
        return steps + int(given["snapshot"]) + 3 * int(given["api"])


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3 if abs(value) < 10 else 1) if isinstance(value, float) else value

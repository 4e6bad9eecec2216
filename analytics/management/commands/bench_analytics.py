import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from analytics.bench import filling, measures, month
from jobs.bench.machine import machine
from jobs.management.arguments import whole

COLUMNS: Final = (
    TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
)  # fmt: skip


class Command(BaseCommand):
    """Measure the analytics on the configured database."""

    help = "Fill the request log of January 2001, roll it up and ask for figures, with times; leaves nothing behind."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rows", type=whole, default=10_000_000, metavar="N", help="requests (%(default)s)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **given: Any) -> None:
        # The bar goes to stderr, so that --json is all of stdout.
        with Progress(*COLUMNS, console=Console(stderr=True), transient=True) as bar:
            try:
                figures = self._measure(given["rows"], bar)
            except RuntimeError as error:
                raise CommandError(str(error)) from error
        figures["machine"] = machine()
        self.stdout.write(json.dumps(figures, indent=2) if given["json"] else _table(figures))

    def _measure(self, rows: int, bar: Progress) -> dict[str, Any]:
        task = bar.add_task("starting", total=rows + month.HOURS + measures.ASKED)

        def tick(step: str, steps: int) -> None:
            bar.update(task, advance=steps, description=step)

        with month.bench_month():
            seconds = filling.fill(rows, tick)
            figures: dict[str, Any] = {"rows": rows, "fill_s": seconds, "fill_rows_per_s": rows / seconds}
            figures["roll_up"] = measures.roll_up(tick)
            month.vacuum()
            figures["endpoints_ms"] = measures.endpoints(tick)
        rounded: dict[str, Any] = _rounded(figures)
        return rounded


def _table(figures: dict[str, Any]) -> str:
    lines = [f"{'fill':34}{figures['fill_rows_per_s']:>14,.0f} rows/s"]
    lines += [f"{'roll-up, ' + name:34}{value:>14,.2f}" for name, value in figures["roll_up"].items()]
    for name, windows in figures["endpoints_ms"].items():
        for window, times in windows.items():
            lines.append(f"{name + ', ' + window:34}{times['p50']:>14,.1f} ms{times['p95']:>10,.1f} ms (p95)")
    return "\n".join([*lines, "", ", ".join(f"{key} {value}" for key, value in figures["machine"].items())])


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3 if abs(value) < 10 else 1) if isinstance(value, float) else value

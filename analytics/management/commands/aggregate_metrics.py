from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from analytics import daily_metrics, rollups


def day(text: str) -> date:
    """Read a day such as 2026-01-31."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a day such as 2026-01-31") from error


class Command(BaseCommand):
    help = "Make the metrics of a day, or of several, from the roll-ups; again gives the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=day, help="The day (UTC); default: yesterday.")
        parser.add_argument("--from", dest="first", type=day, metavar="DATE", help="The first of several days.")
        parser.add_argument("--to", dest="last", type=day, metavar="DATE", help="The last one; default: yesterday.")
        parser.add_argument("--roll-up", action="store_true", help="Before, count the days anew from the request log.")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = self._days(options)
        days = rollups.days_between(first, last)
        # The bar goes to stderr, and only to a terminal.
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("rolling up" if options["roll_up"] else "metrics", total=len(days))
            if options["roll_up"]:
                rollups.roll_up_days(first, last, lambda day: bar.advance(task))
            else:
                rollups.roll_up()
            functions = sum(map(daily_metrics.aggregate, days))
            daily_metrics.refresh()
        self.stdout.write(f"{len(days)} days, {functions} rows of metrics.")

    def _days(self, options: dict[str, Any]) -> tuple[date, date]:
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        if options["date"]:
            if options["first"] or options["last"]:
                raise CommandError("Give either --date, or --from and --to.")
            return options["date"], options["date"]
        first, last = options["first"], options["last"] or yesterday
        if options["last"] and not first:
            raise CommandError("Give --from beside --to.")
        first = first or yesterday
        if first > last:
            raise CommandError(f"{first} is after {last}.")
        return first, last

import json
from argparse import ArgumentParser
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.table import Table

from analytics import daily_metrics, overview, rollups
from jobs.management.arguments import whole


class Command(BaseCommand):
    help = "Show how functions are used, how fast they are and what fails: for a terminal, or for a nightly mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=whole, default=7, help="Days of use to show; default: 7.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of tables.")

    def handle(self, *args: Any, **options: Any) -> None:
        rollups.roll_up()
        daily_metrics.refresh()
        since = datetime.now(UTC).date() - timedelta(days=options["days"] - 1)
        report = {"days": overview.days(since), "functions": overview.functions(), "errors": overview.errors()}
        if options["json"]:
            self.stdout.write(json.dumps(report, cls=DjangoJSONEncoder))
            return
        console = Console(file=StringIO(), width=160)
        with console.capture() as text:
            for title, rows in report.items():
                console.print(_table(title, rows) if rows else f"{title}: none")
        self.stdout.write(text.get())


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*map(_text, row.values()))
    return table


def _text(value: Any) -> str:
    if isinstance(value, float | Decimal):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from analytics import daily_metrics
from jobs.management.arguments import whole


class Command(BaseCommand):
    help = (
        "Delete metrics, errors by the day and cache readings that are older than so many days; use by the day stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=whole, required=True, metavar="N", help="How many days are kept.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{daily_metrics.clean_up(options['days'])} rows deleted.")

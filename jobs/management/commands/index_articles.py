from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from jobs.models import ArticleTerm, ArticleVector
from jobs.similarity.index import index_missing


class Command(BaseCommand):
    """Have stored articles found and compared now, as workers do by and by."""

    help = "Index stored articles that are not yet, so that they are found and compared; workers do it by and by."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="forget the whole index first, and make it anew")

    def handle(self, **given: Any) -> None:
        if given["again"]:
            # The trigger counts the terms down as the vectors go; what an error had left goes as well.
            ArticleVector.objects.all().delete()
            ArticleTerm.objects.all().delete()
        indexed = 0
        columns = (SpinnerColumn(), TextColumn("{task.completed:,} articles indexed"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            for indexed in index_missing():
                bar.update(task, completed=indexed)
        self.stdout.write(f"indexed {indexed:,} articles")

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from rich.console import Console
from rich.table import Table

from accounts.models import SchemaVersion
from config.schema_version import pending


class Command(BaseCommand):
    help = "Show which migrations the database has had, when and by whom; fails if this release needs others."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            missing = pending()
            if not missing:
                self._show()
        except Error as exc:
            raise CommandError(f"The database cannot be asked: {str(exc).strip()}.") from exc
        if missing:
            raise CommandError(f"Not applied yet: {', '.join(missing)}. Run manage.py migrate.")

    def _show(self) -> None:
        table = Table("version", "applied (UTC)", "description", "by", box=None, padding=(0, 2, 0, 0))
        for row in SchemaVersion.objects.all():
            table.add_row(row.version, f"{row.applied_at:%Y-%m-%d %H:%M}", row.description, row.applied_by)
        console = Console(soft_wrap=True, highlight=False)
        with console.capture() as shown:
            console.print(table)
        self.stdout.write(shown.get())
        self.stdout.write("The schema is this release's.")

from typing import Any

from django.core.management.base import BaseCommand

from jobs.synchronizing import synchronize


class Command(BaseCommand):
    help = "Bring the catalogue of functions in step with the handlers; migrate does it by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        report = synchronize()
        for word in ("added", "changed", "vanished", "returned"):
            for name in getattr(report, word):
                self.stdout.write(f"{word}: {name}")
        for name in report.unfit:
            self.stderr.write(f"not in the catalogue, the name is too long: {name}")
        if not any((report.added, report.changed, report.vanished, report.returned)):
            self.stdout.write("The catalogue is in step.")

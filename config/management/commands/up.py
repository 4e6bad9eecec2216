from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import env
from config.launch import Launcher


class Command(BaseCommand):
    help = "Run everything on this machine: PostgreSQL (unless DATABASE_URL is set), the web server and a worker."
    # The launcher runs them when there is a database to ask.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Launcher(env.load()).run()
        except KeyboardInterrupt:
            raise CommandError("stopped before everything had started", returncode=130) from None

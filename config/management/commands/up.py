from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import env
from config.exceptions import StartError
from config.launch import Launcher


class Command(BaseCommand):
    help = "Run everything on this machine: PostgreSQL (unless DATABASE_URL is set), the web server and a worker."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            Launcher(env.load()).run()
        except StartError as exc:
            raise CommandError(str(exc)) from exc
        except KeyboardInterrupt:
            raise CommandError("stopped before everything had started", returncode=130) from None

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.exceptions import RolesNotMade
from config.roles.setting_up import set_up


class Command(BaseCommand):
    help = (
        "Create the database's roles and bring their rights in step with the tables; run it after migrate. "
        "Passwords come from APP_DB_PASSWORD, WORKER_DB_PASSWORD, READONLY_DB_PASSWORD, BACKUP_DB_PASSWORD and "
        "ADMIN_DB_PASSWORD; a role without one is left without a login."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only show what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = set_up(settings.ROLE_PASSWORDS, trusted=settings.DATABASE_TRUSTS, dry_run=options["dry_run"])
        except RolesNotMade as exc:
            raise CommandError(str(exc)) from exc
        for statement in report.statements:
            self.stdout.write(f"{statement};")
        for warning in report.warnings:
            self.stderr.write(self.style.WARNING(warning))
        if not report.statements:
            self.stdout.write("The roles are as they should be.")

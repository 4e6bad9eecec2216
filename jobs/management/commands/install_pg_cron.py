from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import pg_cron


class Command(BaseCommand):
    help = "Let pg_cron rescue jobs of lost workers and do other chores, also while none of our workers runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--schedule", default="*/5 * * * *", help="Of the rescue, a cron expression; default: every 5 minutes."
        )
        parser.add_argument("--uninstall", action="store_true", help="Take it out of pg_cron again.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(self._uninstall() if options["uninstall"] else self._install(options["schedule"]))
        except (pg_cron.PgCronUnavailable, pg_cron.InvalidSchedule) as error:
            raise CommandError(str(error)) from error

    def _install(self, schedule: str) -> str:
        scheduled = pg_cron.install(schedule)
        return "\n".join(f"pg_cron runs {command.removeprefix('SELECT ')} at {at!r}." for command, at in scheduled)

    def _uninstall(self) -> str:
        return "pg_cron does it no longer." if pg_cron.uninstall() else "pg_cron was not doing it."

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import keys
from accounts.models import User
from accounts.roles import Role


class Command(BaseCommand):
    help = "Give a user a new API key and print it once. A user who does not exist is created."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user_id")
        parser.add_argument("--role", choices=Role.values, help="the user's role from now on (new users: user)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = self._user(options["user_id"], options["role"])
        key = keys.rotate(user)
        if user.retired_api_key_expires_at:
            self.stderr.write(f"The key used until now ends at {user.retired_api_key_expires_at:%Y-%m-%d %H:%M} UTC.")
        self.stdout.write(key)

    def _user(self, user_id: str, role: str | None) -> User:
        user = User.objects.filter(user_id=user_id).first() or User(user_id=user_id)
        if role:
            user.role = role
        try:
            user.full_clean()
        except ValidationError as exc:
            raise CommandError("; ".join(exc.messages)) from exc
        user.save()
        return user

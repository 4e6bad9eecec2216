from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts import keys
from accounts.models import User
from accounts.roles import Role

_LENGTH: Final = re.compile(r"([0-9]{1,6})(m|h|d)", re.ASCII)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = "Give a user a new API key and print it once. A user who does not exist is created."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user_id")
        parser.add_argument("--role", choices=Role.values, help="the user's role from now on (new users: user)")
        parser.add_argument(
            "--expires", metavar="WHEN", help="the key's end: a date, a date and time, or 90d, 12h, 30m"
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--overlap", metavar="LENGTH", help="how long the present key lives on: 7d, 24h (default), 0m")
        how.add_argument("--issue", action="store_true", help="end all older keys at once")
        how.add_argument(
            "--if-missing", action="store_true", help="do nothing for a user who has a key, so that scripts can repeat"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        expires_at, overlap = _end(options["expires"]), _overlap(options["overlap"])
        user = self._user(options["user_id"], options["role"])
        if options["if_missing"] and keys.has_live_key(user):
            self.stderr.write(f"{user} has a key that ends in …{user.api_key_hint}; no other was made.")
            return
        key = keys.issue(user, expires_at) if options["issue"] else keys.rotate(user, overlap, expires_at)
        if user.retired_api_key_expires_at:
            self.stderr.write(f"The key used until now ends at {user.retired_api_key_expires_at:%Y-%m-%d %H:%M} UTC.")
        if not user.is_active:
            self.stderr.write(f"{user} is disabled: the key lets nobody in until that changes.")
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


def _overlap(text: str | None) -> timedelta:
    length = keys.OVERLAP if text is None else _length(text)
    if length is None or length > keys.LONGEST_OVERLAP:
        raise CommandError(f"--overlap must be a length such as 30m, 24h or 7d, at most 30d, not {text!r}.")
    return length


def _end(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        end = _moment(text)
    except (ValueError, OverflowError):
        end = None
    if end is None or end <= timezone.now():
        raise CommandError(f"--expires must lie ahead: 2027-01-31, 2027-01-31T12:00Z, or 90d, 12h, 30m; not {text!r}.")
    return end


def _moment(text: str) -> datetime | None:
    if length := _length(text):
        return timezone.now() + length
    if day := parse_date(text):
        return timezone.make_aware(datetime(day.year, day.month, day.day))
    moment = parse_datetime(text)
    return timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment


def _length(text: str) -> timedelta | None:
    match = _LENGTH.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None

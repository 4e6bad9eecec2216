"""When a user was last seen, without a write for every request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from accounts.row_security import acting_as_system

#: The shortest time between two notes of one user.
NOTE_INTERVAL: Final = timedelta(minutes=1)


def note_key_use(user: User) -> None:
    """Note that the user came in with an API key, at most once a minute."""
    _note(user, "api_key_last_used_at", user.api_key_last_used_at)


def note_activity(user: User) -> None:
    """Note that the user was here, at most once a minute."""
    _note(user, "last_active_at", user.last_active_at)


def _note(user: User, column: str, last: datetime | None) -> None:
    if last is not None and abs(timezone.now() - last) < NOTE_INTERVAL:
        return
    # The database's clock decides, so that of several processes one writes.
    due = Q(**{column: None}) | Q(**{f"{column}__lt": Now() - NOTE_INTERVAL})
    with acting_as_system():
        User.objects.filter(due, pk=user.pk).update(**{column: Now(), "last_active_at": Now()})

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import login_locks
from accounts.activity import note_activity
from accounts.models import User
from accounts.row_security import acting_as_system


class LimitedPasswordBackend(ModelBackend):
    """Check passwords, as long as there were not too many failures: guessing stays slow."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if request is not None and username:
            try:
                login_locks.count_attempt(request, username)
            except login_locks.LoginLocked as locked:
                raise PermissionDenied from locked
        # Nobody is known to ask yet.
        with acting_as_system():
            found = super().authenticate(request, username=username, password=password, **kwargs)
        if isinstance(found, User):
            return found
        if request is not None and username:
            login_locks.note_failure(request, username)
        return None

    def get_user(self, user_id: Any) -> User | None:
        """Give the person of a session, for as long as they are not disabled, and note that they are here."""
        with acting_as_system():
            found = super().get_user(user_id)
            if not isinstance(found, User):
                return None
            note_activity(found)
        return found

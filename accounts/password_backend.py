from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import rate_limits
from accounts.activity import note_activity
from accounts.models import User
from accounts.row_security import acting_as_system

ATTEMPTS_PER_MINUTE: Final = 10


class LimitedPasswordBackend(ModelBackend):
    """Check passwords, but only so many a minute for one name from one network: guessing stays slow.

    Counting name and network together keeps an attacker from locking the owner out.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if request is not None and username:
            attempt = rate_limits.spend_password_attempt(request, username, ATTEMPTS_PER_MINUTE)
            if not attempt.accepted:
                raise PermissionDenied
        # Nobody is known to ask yet.
        with acting_as_system():
            found = super().authenticate(request, username=username, password=password, **kwargs)
        return found if isinstance(found, User) else None

    def get_user(self, user_id: Any) -> User | None:
        """Give the person of a session, for as long as they are not disabled, and note that they are here."""
        with acting_as_system():
            found = super().get_user(user_id)
            if not isinstance(found, User):
                return None
            note_activity(found)
        return found

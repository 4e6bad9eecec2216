from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from accounts import keys, rate_limits
from accounts.models import User

#: The shortest time between two notes of a user's last request: not every request becomes a write.
NOTE_INTERVAL: Final = timedelta(minutes=1)

#: Names under which clients of other services put keys into URLs, where proxies and browsers write them down.
KEY_PARAMETERS: Final = frozenset({"api_key", "apikey", "access_token", "token"})


class ApiKeyAuthentication(BaseAuthentication):
    """Let in whoever sends `Authorization: Bearer <API key>`."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        if _key_in_url(request):
            raise _failure(request, "key-in-url", "Send the API key in the Authorization header, not in the URL.")
        header = request.headers.get("Authorization")
        if header is None:
            return None
        user = keys.find_owner(_bearer_token(request, header))
        if user is None:
            raise _failure(request, "invalid-key", "This API key does not exist or has ended.")
        if not user.is_active:
            raise _failure(request, "account-disabled", "The user of this API key is disabled.")
        _note_use(user)
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ekiden"'


class StaffSessionAuthentication(SessionAuthentication):
    """Let in who is logged in to the admin, with CSRF protection, so that the docs page can send requests."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found = super().authenticate(request)
        return found if found and found[0].is_staff else None


def _bearer_token(request: Request, header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise _failure(request, "invalid-key", "The Authorization header must be: Bearer, a space, the API key.")
    return token.strip()


def _key_in_url(request: Request) -> bool:
    parameters = request.query_params
    return not KEY_PARAMETERS.isdisjoint(parameters) or any(
        value.startswith(keys.PREFIX) for values in parameters.lists() for value in values[1]
    )


def _failure(request: Request, code: str, detail: str) -> AuthenticationFailed | Throttled:
    """Count the failure against the address; after too many of them the answer is to wait."""
    decision = rate_limits.spend_failed_login(request)
    if not decision.accepted:
        return Throttled(wait=decision.reset_after, detail="Too many failed logins from this address.")
    return AuthenticationFailed(detail, code=code)


def _note_use(user: User) -> None:
    last = user.api_key_last_used_at
    if last is not None and abs(timezone.now() - last) < NOTE_INTERVAL:
        return
    # The database's clock decides, so that of several processes one writes.
    due = Q(api_key_last_used_at__isnull=True) | Q(api_key_last_used_at__lt=Now() - NOTE_INTERVAL)
    User.objects.filter(due, pk=user.pk).update(api_key_last_used_at=Now(), last_active_at=Now())

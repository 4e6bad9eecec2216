from __future__ import annotations

from typing import Final

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from accounts import keys, rate_limits, second_factor
from accounts.activity import note_key_use
from accounts.models import User

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
        user = _owner(request, _bearer_token(request, header))
        if user is None:
            raise _failure(request, "invalid-key", "This API key does not exist or has ended.")
        if not user.is_active:
            raise _failure(request, "account-disabled", "The user of this API key is disabled.")
        note_key_use(user)
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ekiden"'


class StaffSessionAuthentication(SessionAuthentication):
    """Let in who is logged in to the admin, with CSRF protection, so that the docs page can send requests."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found = super().authenticate(request)
        return found if found and found[0].is_staff and not second_factor.is_missing(found[0]) else None


def _owner(request: Request, key: str) -> User | None:
    try:
        return keys.find_owner(key)
    except keys.KeyExpired as exc:
        raise _failure(request, "key-expired", "This API key has ended; ask an administrator for a new one.") from exc


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

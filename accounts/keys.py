"""API keys: `ekiden_live_` + public id (8) + secret (32) + checksum (6), all in base62.

The fixed prefix and the checksum let secret scanners find a leaked key, and let us refuse a mistyped one without asking
the database. Only an HMAC of the key is stored, keyed with a pepper that the database does not hold: the secret has
190 random bits, so a slow password hash would only help those who flood us.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

from django.conf import settings
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Least, Now

from accounts.models import User

PREFIX: Final = "ekiden_live_"
ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
KEY: Final = re.compile(rf"{PREFIX}([0-9A-Za-z]{{40}})([0-9A-Za-z]{{6}})")

#: Time for clients to change over after a rotation.
OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=30)

# The function looks past the row-level security, because nobody is known to ask yet.
_FIND_OWNER: Final = """
SELECT u.*, coalesce(
    (u.api_key_hash = %(hash)s AND u.api_key_expires_at <= statement_timestamp())
    OR (u.retired_api_key_hash = %(hash)s AND u.retired_api_key_expires_at <= statement_timestamp()), false
) AS key_ended
FROM meta.find_key_owner(%(hash)s) AS u
"""


class KeyExpired(Exception):
    """The API key was good until its end, which has passed."""


def issue(user: User, expires_at: datetime | None = None) -> str:
    """Give the user a new key and end every older one; the answer is the only time that it is seen."""
    return _replace(user, expires_at, retired_api_key_hash=None, retired_api_key_expires_at=None)


def rotate(user: User, overlap: timedelta = OVERLAP, expires_at: datetime | None = None) -> str:
    """Give the user a new key; the present one lives on for the overlap, one retired before it ends now.

    `expires_at` is the end of the new key; the present one does not outlive an end of its own.
    """
    had_key = Q(api_key_hash__isnull=False)
    retired_until = Case(When(had_key, then=Least(Now() + overlap, "api_key_expires_at")), default=Value(None))
    return _replace(user, expires_at, retired_api_key_hash=F("api_key_hash"), retired_api_key_expires_at=retired_until)


def revoke(user: User) -> None:
    """End all keys of the user from the next request on."""
    User.objects.filter(pk=user.pk).update(
        api_key_hash=None,
        api_key_hint="",
        api_key_issued_at=None,
        api_key_expires_at=None,
        retired_api_key_hash=None,
        retired_api_key_expires_at=None,
    )
    user.refresh_from_db()


def find_owner(key: str) -> User | None:
    """Return whose key this is, disabled users too; a malformed key costs no query.

    Raises KeyExpired when the key was somebody's and has ended, by the database's clock.
    """
    if not is_well_formed(key):
        return None
    hashed = digest(key)
    user = next(iter(User.objects.raw(_FIND_OWNER, {"hash": hashed})), None)
    if user is None or not _holds(user, hashed):
        return None
    if user.key_ended:  # type: ignore[attr-defined]
        raise KeyExpired
    return user


def has_live_key(user: User) -> bool:
    """Tell whether the user's present key lets them in."""
    unended = Q(api_key_expires_at=None) | Q(api_key_expires_at__gt=Now())
    return User.objects.filter(unended, pk=user.pk, api_key_hash__isnull=False).exists()


def is_well_formed(key: str) -> bool:
    """Check the shape and the checksum."""
    match = KEY.fullmatch(key)
    return match is not None and hmac.compare_digest(_checksum(PREFIX + match[1]), match[2])


def digest(key: str) -> str:
    """Turn a key into what is stored of it."""
    return hmac.digest(_pepper(), key.encode(), "sha256").hex()


def generate() -> str:
    body = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(40))
    return body + _checksum(body)


def _holds(user: User, hashed: str) -> bool:
    known = (user.api_key_hash or "", user.retired_api_key_hash or "")
    return any(hmac.compare_digest(hashed, each) for each in known)


def _replace(user: User, expires_at: datetime | None, **retired: object) -> str:
    key = generate()
    User.objects.filter(pk=user.pk).update(
        api_key_hash=digest(key),
        api_key_hint=key[-4:],
        api_key_issued_at=Now(),
        api_key_expires_at=expires_at,
        **retired,
    )
    user.refresh_from_db()
    return key


def _checksum(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def _pepper() -> bytes:
    pepper = getattr(settings, "API_KEY_PEPPER", "")
    if pepper:
        return str(pepper).encode()
    return hmac.digest(settings.SECRET_KEY.encode(), b"pepper of the API keys", "sha256")

"""`Idempotency-Key`: a request sent twice is done once and answered twice with the same answer.

The answer is stored in the transaction that does the work, so there is no state in which one exists without the other.
An error rolls both back, which leaves the key free to be sent again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Final, TypeVar, cast

from django.db import connection, transaction
from django.db.models.functions import Now
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import IdempotentRequest, User

RETENTION: Final = timedelta(hours=24)

#: A structured-field string or a bare token, as draft-ietf-httpapi-idempotency-key-header-07 has it.
KEY: Final = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
PARAMETER: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!#-~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again with the same body within 24 hours, the request is answered as before and not repeated.",
)
REPLAYED_HEADERS: Final = ("Location", "ETag")

Handler = TypeVar("Handler", bound=Callable[..., Response])


class InvalidIdempotencyKey(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "Idempotency-Key must be 1 to 255 printable ASCII characters."
    default_code = "invalid-idempotency-key"


class IdempotencyInFlight(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "A request with this Idempotency-Key is being worked on; ask again when it has been answered."
    default_code = "idempotency-in-flight"


class IdempotencyKeyReused(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was used with another request."
    default_code = "idempotency-key-reused"


def idempotent(handler: Handler) -> Handler:
    """Make a view's method obey Idempotency-Key; without the header it runs as it is.

    The method runs inside one transaction. Do not use it where the answer holds a secret: answers are stored.
    """

    @wraps(handler)
    def guarded(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = _key(request)
        if key is None:
            return handler(view, request, *args, **kwargs)
        with transaction.atomic():
            entry = _claim(request, key)
            if not entry._state.adding:
                return _replay(entry)
            response = handler(view, request, *args, **kwargs)
            if response.status_code < status.HTTP_400_BAD_REQUEST:
                _store(entry, response)
            else:
                transaction.set_rollback(True)
            return response

    return cast(Handler, extend_schema(parameters=[PARAMETER])(guarded))


def prune() -> int:
    """Forget the answers past their time; return how many."""
    return IdempotentRequest.objects.filter(created_at__lt=Now() - RETENTION).delete()[0]


def _key(request: Request) -> str | None:
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    match = KEY.fullmatch(header.strip())
    if match is None:
        raise InvalidIdempotencyKey
    # Some put there what they should not, and all that is asked of it is to be the same again.
    return hashlib.sha256((match[1] or match[2]).encode()).hexdigest()


def _claim(request: Request, key: str) -> IdempotentRequest:
    """Return the stored entry of the key, or a new one that only this transaction may store."""
    user = request.user
    if not isinstance(user, User):
        raise NotAuthenticated
    match = request.resolver_match
    route = f"{request.method} {match.route if match else request.path}"[:255]
    _lock(f"{user.pk} {route} {key}")
    fingerprint = _fingerprint(request)
    mine = IdempotentRequest.objects.filter(user=user, route=route, key=key)
    mine.filter(created_at__lt=Now() - RETENTION).delete()
    entry = mine.first()
    if entry is None:
        return IdempotentRequest(user=user, route=route, key=key, fingerprint=fingerprint)
    if entry.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return entry


def _lock(name: str) -> None:
    """Hold the key until the transaction ends, so that a second request need not wait to learn of the first."""
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise IdempotencyInFlight


def _fingerprint(request: Request) -> str:
    """Hash what was asked for. The path counts, because the route alone does not say which object was meant."""
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{request.get_full_path()}\n{body}".encode()).hexdigest()


def _store(entry: IdempotentRequest, response: Response) -> None:
    entry.status = response.status_code
    entry.headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    entry.body = JSONRenderer().render(response.data).decode()
    entry.save(force_insert=True)


def _replay(entry: IdempotentRequest) -> Response:
    headers = {**entry.headers, "Idempotency-Replayed": "true"}
    return Response(json.loads(entry.body) if entry.body else None, status=entry.status, headers=headers)

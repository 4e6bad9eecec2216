"""Results that are kept: the same function, version and parameters get the same answer without a job.

They are written where a job completes, whoever submitted it, just before its outcome is recorded. So whoever finds a
call's job ended also finds its result, and no second job slips in between.
"""

import json
import logging
import time
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from django.core.cache import cache
from django.db import Error, transaction

_logger = logging.getLogger(__name__)

_PREFIX: Final = "result"


@dataclass(frozen=True, slots=True)
class Kept:
    """A result that need not be computed again."""

    result: Any
    #: Seconds for which it is good.
    ttl: int


def canonical(payload: Any) -> str:
    """Give the one text of all JSON texts that mean the same: sorted keys, and 1.0 is 1 (as in RFC 8785)."""
    return json.dumps(_plain(payload), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(language_title: str, version: str, payload: Any) -> str:
    """Give the key of a call: the same function in the same version with the same parameters has the same."""
    return sha256("\0".join([language_title, version, canonical(payload)]).encode()).hexdigest()


def find(language_title: str, version: str, payload: Any) -> Kept | None:
    """Give the kept result of a call; None when there is none, or when Redis does not answer."""
    kept = cache.get(f"{_PREFIX}:{digest(language_title, version, payload)}")
    if kept is None:
        return None
    result, until = kept
    return Kept(None if result is None else json.loads(result), max(0, int(until - time.time())))


def store(language_title: str, version: str, payload: Any, result: str | None, seconds: int) -> None:
    """Keep a result, given as JSON text, for so many seconds; a cache that is away costs only this.

    Call it before the outcome is recorded.
    """
    key = f"{_PREFIX}:{digest(language_title, version, payload)}"
    try:
        # A savepoint, if there is a transaction: the outcome must not be lost with its copy.
        with transaction.atomic():
            cache.set(key, [result, time.time() + seconds], seconds)
    except Error as error:
        _logger.warning("the result of %s is not kept: %s", language_title, error)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        # By its decimal digits, as the database keeps it: the digits of the binary number behind 6.2e16 are others.
        return int(Decimal(repr(value)))
    return value

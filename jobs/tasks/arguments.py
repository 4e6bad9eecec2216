"""What a task was given: a number to compare it by, and a copy for people to look at."""

import json
from hashlib import blake2b
from typing import Any, Final

from jobs.payloads import check_json, storable
from jobs.scrubbing import scrub, scrub_head

#: So much of what a task was given is kept, in characters.
SHOWN_CHARACTERS: Final = 4_000

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_canonical: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def fingerprint(*given: Any) -> int | None:
    """Give a number that differs for other values; None for what JSON has no form for, which cannot be compared."""
    if _SCALARS.issuperset(map(type, given)):
        # As exact as JSON, and many times faster.
        text = repr(given)
    else:
        try:
            text = _canonical(given)
        except (TypeError, ValueError, RecursionError):
            return None
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def shown(given: dict[str, Any]) -> str:
    """Give the JSON text of a bounded copy without secrets; what JSON has no form for is described."""
    return json.dumps(scrub({name: _plain(value) for name, value in given.items()}, SHOWN_CHARACTERS))


def shown_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Give that copy of a call's arguments."""
    named = {name: _plain(value) for name, value in kwargs.items()}
    given = {"args": [_plain(value) for value in args], "kwargs": named}
    return json.dumps(scrub({name: value for name, value in given.items() if value}, SHOWN_CHARACTERS))


def _plain(value: Any) -> Any:
    return value if not check_json(value) else scrub_head(storable(_described(value)), SHOWN_CHARACTERS)


def _described(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a task may be given what cannot describe itself
        return f"<{type(value).__name__}>"

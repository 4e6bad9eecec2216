"""What may be stored: JSON that PostgreSQL holds and gives back equal."""

import json
import math
from typing import Any, Final

from jobs import conf
from jobs.exceptions import InvalidPayload, Violation

MAX_DEPTH: Final = 64
MAX_KEYS: Final = 10_000
MAX_INTEGER_DIGITS: Final = 300
_TOO_LARGE: Final = 10**MAX_INTEGER_DIGITS


def check_json(value: Any) -> list[Violation]:
    """Find what PostgreSQL or a JSON reader would refuse or change; walks without recursion."""
    violations: list[Violation] = []
    keys = 0
    stack: list[tuple[Any, str, int]] = [(value, "", 1)]
    while stack and len(violations) < 20:
        item, pointer, depth = stack.pop()
        if isinstance(item, dict):
            keys += len(item)
            if depth > MAX_DEPTH:
                violations.append(Violation(pointer, "too-deep", f"is nested deeper than {MAX_DEPTH} levels"))
                continue
            if keys > MAX_KEYS:
                violations.append(Violation("", "too-many-keys", f"has more than {MAX_KEYS} keys"))
                break
            for key, inner in item.items():
                problem = check_text(key) if isinstance(key, str) else ("key", "keys must be strings")
                if problem:
                    violations.append(Violation(pointer, *problem))
                else:
                    stack.append((inner, f"{pointer}/{_escape(key)}", depth + 1))
        elif isinstance(item, (list, tuple)):
            if depth > MAX_DEPTH:
                violations.append(Violation(pointer, "too-deep", f"is nested deeper than {MAX_DEPTH} levels"))
                continue
            stack.extend((inner, f"{pointer}/{index}", depth + 1) for index, inner in enumerate(item))
        elif problem := _check_scalar(item):
            violations.append(Violation(pointer, *problem))
    return violations


def check_text(text: str) -> tuple[str, str] | None:
    """Say what keeps a text out of PostgreSQL: a NUL character or half of a surrogate pair."""
    if "\x00" in text:
        return "nul", "contains a NUL character"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "surrogate", "contains a lone surrogate"
    return None


def storable(text: str) -> str:
    """Replace what a PostgreSQL text cannot hold: NUL and lone surrogates."""
    return text.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode("utf-8")


def _check_scalar(item: Any) -> tuple[str, str] | None:
    if isinstance(item, str):
        return check_text(item)
    if item is None or isinstance(item, bool):
        return None
    if isinstance(item, int):
        return ("integer-too-long", f"has more than {MAX_INTEGER_DIGITS} digits") if abs(item) >= _TOO_LARGE else None
    if isinstance(item, float):
        if not math.isfinite(item):
            return "not-finite", "is not a finite number"
        # PostgreSQL writes it out, so that it comes back as an integer of so many digits.
        return ("number-too-large", f"is not below 1e{MAX_INTEGER_DIGITS}") if abs(item) >= _TOO_LARGE else None
    return "not-json", f"is a {type(item).__name__}, which JSON has no form for"


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def dump(value: Any, limit: int, field: str = "payload") -> str:
    """Give the JSON text of a value, or raise InvalidPayload naming every place that cannot be stored."""
    violations = check_json(value)
    if violations:
        raise InvalidPayload(violations, field)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    size = len(text) if text.isascii() else len(text.encode())
    if size > limit:
        raise InvalidPayload([Violation("", "too-large", f"is {size} bytes long, the limit is {limit}")], field)
    return text


def dump_payload(payload: dict[str, Any]) -> str:
    if not isinstance(payload, dict):
        raise InvalidPayload([Violation("", "type", "must be an object")])
    return dump(payload, conf.payload_max_bytes())


def dump_result(result: Any) -> str:
    return dump(result, conf.result_max_bytes(), "result")


def same_json(one: Any, other: Any) -> bool:
    """Tell whether two documents are the same JSON; to Python, true is 1 and 1.0 as well."""
    try:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False

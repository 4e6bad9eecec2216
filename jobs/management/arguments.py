"""Kinds of command-line arguments, with the sentence that a wrong one gets."""

import re
from argparse import ArgumentTypeError
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Read `5s`, `250ms`, `5m`, `1h` or a number of seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text.strip())
    if match is None or float(match[1]) <= 0:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 5s, 250ms or 5m")
    return float(match[1]) * _UNITS[match[2] or "s"]


def whole(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())

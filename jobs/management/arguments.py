"""Kinds of command-line arguments, with the sentence that a wrong one gets."""

import re
from argparse import ArgumentTypeError
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


#: More on one host are a mistake in typing.
MOST_PROCESSES: Final = 100


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


def processes(text: str) -> tuple[int, int]:
    """Read a number of processes, or a range as 1-10; gives the least and the most."""
    least, dash, most = text.strip().partition("-")
    bounds = [int(part) for part in (least, most if dash else least) if part.isascii() and part.isdigit()]
    if len(bounds) < 2 or bounds[0] < 1 or bounds[0] > bounds[1] or (dash and bounds[1] > MOST_PROCESSES):
        raise ArgumentTypeError(
            f"{text!r} is neither a whole number above 0 nor a range from such a number up, as 1-10,"
            f" to {MOST_PROCESSES} at most"
        )
    return bounds[0], bounds[1]


def percent(text: str) -> float:
    """Read 1 to 100, in the form 70 or 70%; gives a share of 1."""
    number = text.strip().removesuffix("%")
    if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 100:
        raise ArgumentTypeError(f"{text!r} is not a percentage from 1 to 100")
    return int(number) / 100


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())

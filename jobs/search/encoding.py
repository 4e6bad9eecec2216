"""How values are written for the search engine, so that its comparisons are ours.

Texts, numbers and truths of metadata are entries of one keyword list, because a field of its own for each path that
anybody's metadata has would let strangers grow the mapping without end. An entry is `<type>:<path>\\x1f<value>`.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from operator import add
from typing import Final

from jobs.search.language.fields import HEAD, TEXT_HEAD
from jobs.search.language.folding import OPEN_BOX, fold

STRINGS, NUMBERS, BOOLEANS = "s", "n", "b"
#: Between the path and the value; no path that can be named has it.
BREAK: Final = "\x1f"
#: Sorts right behind BREAK: everything below a path comes before the path with this one.
BEHIND: Final = "\x20"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Beyond any number that PostgreSQL holds.
_FURTHEST: Final = 4_999_999
_DIGITS: Final = len(str(2 * _FURTHEST))
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")


def micros(moment: datetime) -> int:
    """Give a moment as whole microseconds since 1970: exact, and in order."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def head(text: str) -> str:
    """Give so much of a text that no query can tell it from the whole, unless a pattern goes on behind its end."""
    return text[: HEAD + 1]


def pairs(text: str) -> str:
    """Give the overlapping pairs of a text's first characters as words: a phrase of them is a piece of the text."""
    folded = fold(text[:TEXT_HEAD]).replace(" ", OPEN_BOX)
    # A text of a single character is in no pair, but it is there.
    return " ".join(map(add, folded, folded[1:])) or folded


def prefix(kind: str, path: tuple[str, ...]) -> str:
    """Give what the entries of a path begin with."""
    return f"{kind}:{'.'.join(path)}{BREAK}"


def entry(path: tuple[str, ...], value: str | Decimal | bool) -> str:
    """Give one value of metadata as it is compared."""
    if isinstance(value, str):
        return prefix(STRINGS, path) + head(value)
    if isinstance(value, bool):
        return prefix(BOOLEANS, path) + ("true" if value else "false")
    return prefix(NUMBERS, path) + number(value)


@lru_cache(4096)
def number(value: Decimal) -> str:
    """Give a text that sorts among its like as the number does, and is the same for the same number.

    Sign, exponent, digits without the zeros at their end; of a negative number all of it is turned round, and a longer
    one comes first.
    """
    sign, digits, _ = value.as_tuple()
    significant = "".join(map(str, digits)).rstrip("0")
    if not significant:
        return "1"
    places = min(max(value.adjusted(), -_FURTHEST), _FURTHEST) + _FURTHEST
    code = f"{places:0{_DIGITS}}{head(significant)}"
    return f"0{code.translate(_COMPLEMENT)}~" if sign else f"2{code}"

"""When two characters are the same to whoever looks for a text: case and kind of white space make no difference.

One character becomes one character, whatever stands beside it, so that every reader of queries can do the same: Python
by a table, PostgreSQL by listing the variants of each character, the engine by what it is given. Python's own `lower`
makes two characters of some and looks at the neighbours of others; PostgreSQL's goes by the database's locale.
"""

from functools import cache
from typing import Final

#: What stands for a space where the engine would cut a text in two; typed or stored, it is one.
OPEN_BOX: Final = "\u2423"
#: No character above these has a case.
_CASED: Final = range(0x1F000)


class _Folds(dict[int, str]):
    """What characters become, found out as they are met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


def _fold(character: str) -> str:
    if character.isspace() or character == OPEN_BOX:
        return " "
    for candidate in (character.casefold(), character.lower()):
        if len(candidate) == 1:
            return candidate
    return character


_FOLDS: Final = _Folds()


def fold(text: str) -> str:
    """Give the text as it is compared; as long as before, character for character."""
    return text.translate(_FOLDS)


def variants(folded: str) -> str:
    """Give every character that becomes this one."""
    return _variants().get(folded, folded)


@cache
def _variants() -> dict[str, str]:
    found: dict[str, str] = {}
    for character in map(chr, _CASED):
        folded = _fold(character)
        found[folded] = found.get(folded, "") + character
    return {folded: all_ for folded, all_ in found.items() if all_ != folded}

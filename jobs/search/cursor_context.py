"""What somebody is typing at a place of a query: the name of a field, or a value of one."""

import re
from dataclasses import dataclass
from typing import Final

#: They end a word, outside of quotes.
_ENDS: Final = frozenset(" \t\n\r()[]{}")
_OPENERS: Final = {"(": ")", "[": "]", "{": "}"}
_COMPARISON: Final = re.compile(r"[<>]=?")
_SIGNS: Final = re.compile(r"[+!-]+")


@dataclass(frozen=True, slots=True)
class Typed:
    """The beginning of a name or a value, and what in the query it would take the place of."""

    #: The field whose value is typed, as it was typed; None while a name is.
    field: str | None
    #: Without quotes and escapes.
    beginning: str
    start: int
    end: int
    quoted: bool = False
    #: A sign such as >= stands before the value, or it is the end of a range.
    compared: bool = False


def typed_at(text: str, position: int) -> Typed:
    """Say what is being typed at a position of a query, which need not be a valid one yet."""
    position = max(0, min(position, len(text)))
    start, field, quote, ranged = _walk(text, position)
    if quote is not None:
        inside = text[quote + 1 : position]
        return Typed(field, _plain(inside), quote, _closed(text, position), quoted=True, compared=ranged)
    compared = _COMPARISON.match(text, start, position) if field is not None else None
    signs = _SIGNS.match(text, start, position) if field is None else None
    start = compared.end() if compared else signs.end() if signs else start
    return Typed(
        field, _plain(text[start:position]), start, _end(text, position, field), compared=bool(compared or ranged)
    )


def _walk(text: str, position: int) -> tuple[int, str | None, int | None, bool]:
    """Give where the last word begins, the field before it, where its open quote is, and whether a range is open."""
    start, field, quote = 0, None, None
    #: The fields that open parentheses and brackets belong to, and what closes them.
    around: list[tuple[str | None, str]] = []
    index = 0
    while index < position:
        letter = text[index]
        if letter == "\\":
            index += 2
            continue
        if letter == '"':
            quote = index if quote is None else None
        elif quote is not None:
            pass
        elif letter == ":" and field is None:
            field, start = _SIGNS.sub("", text[start:index], count=1), index + 1
        elif letter in _ENDS:
            if letter in _OPENERS:
                around.append((field, _OPENERS[letter]))
            elif around and letter == around[-1][1]:
                around.pop()
            start, field = index + 1, around[-1][0] if around else None
        index += 1
    return start, field, quote, bool(around) and around[-1][1] != ")"


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _end(text: str, position: int, field: str | None) -> int:
    """Give where the word ends that the position is in; a name's colon belongs to it."""
    end = position
    while end < len(text) and text[end] not in _ENDS and text[end] not in ':"':
        end += 1
    return end + 1 if field is None and text[end : end + 1] == ":" else end


def _closed(text: str, position: int) -> int:
    closing = re.compile(r'(?:[^"\\\s]|\\.)*"').match(text, position)
    return closing.end() if closing else position

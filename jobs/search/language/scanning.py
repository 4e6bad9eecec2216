"""A query as a row of tokens, before any grammar: what cannot be part of a query is refused here, with its place."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from jobs.search.language.errors import QueryError

#: So many characters may a query have.
LONGEST: Final = 2048


class Part(Enum):
    WORD = auto()
    PHRASE = auto()
    #: The name before a colon.
    FIELD = auto()
    COLON = auto()
    COMPARE = auto()
    #: `[low TO high]` with all that is in it.
    RANGE = auto()
    #: `~1` behind a word
    NEAR = auto()
    OPEN = auto()
    CLOSE = auto()
    AND = auto()
    OR = auto()
    NOT = auto()
    MINUS = auto()
    PLUS = auto()


@dataclass(frozen=True, slots=True)
class Token:
    part: Part
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


_PHRASE: Final = r'"(?:[^"\\]|\\.)*"'
#: A word ends before what means something; a backslash takes the meaning from what follows it.
_WORD: Final = r'(?:[^\s:^~(){}\[\]"<>\\]|\\.)+'
#: Behind a field's colon more colons belong to the value, as in times and in `sha256:…`.
_VALUE: Final = r'(?:[^\s^~(){}\[\]"<>\\]|\\.)+'
_END_OF_RANGE: Final = rf"(?:{_PHRASE}|{_VALUE})"
_FIXED: Final = {"(": Part.OPEN, ")": Part.CLOSE, ":": Part.COLON, "-": Part.MINUS, "+": Part.PLUS}
_OPERATORS: Final = {"AND": Part.AND, "OR": Part.OR, "NOT": Part.NOT}
_FIRST: Final = rf"(?P<space>\s+)|(?P<PHRASE>{_PHRASE})|(?P<COMPARE>[<>]=?)|(?P<NEAR>~[\d.]*)"
#: A range's own text.
ENDS_OF_RANGE: Final = re.compile(
    rf"[\[{{]\s*(?P<low>{_END_OF_RANGE})\s+TO\s+(?P<high>{_END_OF_RANGE})\s*[\]}}]", re.DOTALL
)
_BRACKETS: Final = rf"(?P<RANGE>[\[{{]\s*{_END_OF_RANGE}\s+TO\s+{_END_OF_RANGE}\s*[\]}}])"
_SIGNS: Final = r"(?P<fixed>[():+-])"
_NEXT: Final = re.compile(rf"{_FIRST}|{_BRACKETS}|{_SIGNS}|(?P<WORD>{_WORD})", re.DOTALL)
#: The same where a value is awaited, which may begin with a sign.
_NEXT_VALUE: Final = re.compile(rf"{_FIRST}|{_BRACKETS}|(?P<WORD>{_VALUE})|{_SIGNS}", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")


def scan(text: str) -> list[Token]:
    """Cut a query into its tokens, or raise QueryError."""
    _check_characters(text)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        awaits_value = bool(tokens) and tokens[-1].part in (Part.COLON, Part.COMPARE)
        match = (_NEXT_VALUE if awaits_value else _NEXT).match(text, position)
        if match is None:
            raise _unreadable(text, position)
        if match.lastgroup != "space":
            tokens.append(_token(match, text))
        position = match.end()
    return tokens


def _check_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise QueryError("too-long", f"A query has at most {LONGEST:,} characters; this one has {len(text):,}.")
    if found := _CONTROL.search(text):
        raise QueryError("bad-value", "Control characters cannot be searched for.", found.start())
    if found := _HALF.search(text):
        raise QueryError("bad-value", "This is half a character: a lone surrogate.", found.start())


def _token(match: re.Match[str], text: str) -> Token:
    found, start, kind = match.group(), match.start(), match.lastgroup
    if kind == "fixed":
        return Token(_FIXED[found], found, start)
    if kind != "WORD":
        return Token(Part[str(kind)], found, start)
    if found in _OPERATORS:
        return Token(_OPERATORS[found], found, start)
    is_name = text[match.end() : match.end() + 1] == ":"
    return Token(Part.FIELD if is_name else Part.WORD, found, start)


def _unreadable(text: str, position: int) -> QueryError:
    character = text[position]
    if character == '"':
        return QueryError("syntax", "This quote is never closed.", position)
    if character in "[{":
        return QueryError("syntax", "A range is written [low TO high], with a * for an end that is open.", position)
    if character == "^":
        return QueryError(
            "not-allowed",
            r"Boosts mean nothing here, for hits are sorted by a field; a ^ itself is written \^.",
            position,
        )
    if character == "\\":
        return QueryError(
            "syntax", r"A backslash stands before the character that it is for; itself it is \\.", position
        )
    return QueryError("syntax", f"Nothing was opened that this {character} could close.", position)

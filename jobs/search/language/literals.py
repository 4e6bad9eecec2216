"""Values as they are typed: quotes, escapes, wildcards, and what numbers, booleans and ids are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from jobs.search.language.errors import QueryError
from jobs.search.language.fields import HEAD
from jobs.search.language.tree import ANY, ONE, Wildcard

#: So many digits may a number have, before and behind its point each: more than any that a job may hold.
MOST_DIGITS: Final = 400
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
#: As JSON has them: such words are numbers in metadata as well.
_JSON_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_PIECE: Final = re.compile(r"\\(?P<escaped>.)|(?P<wildcard>[*?])|(?P<plain>[^\\*?]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """A word or a phrase where a value stands."""

    #: As it was typed, escapes in it, without its quotes.
    raw: str
    quoted: bool
    start: int

    @classmethod
    def of(cls, written: str, start: int) -> "Literal":
        quoted = written.startswith('"')
        return cls(written[1:-1] if quoted else written, quoted, start)

    @property
    def is_star(self) -> bool:
        return self.raw == "*" and not self.quoted

    @property
    def pattern(self) -> tuple[str | Wildcard, ...]:
        """Its plain texts and the wildcards between them; a phrase has no wildcards."""
        pieces: list[str | Wildcard] = []
        for piece in self._pieces():
            before = pieces[-1] if pieces else None
            if isinstance(piece, str) and isinstance(before, str):
                pieces[-1] = before + piece
            elif not (piece is ANY and before is ANY):
                pieces.append(piece)
        return tuple(pieces)

    @property
    def has_wildcards(self) -> bool:
        return any(isinstance(piece, Wildcard) for piece in self.pattern)

    @property
    def text(self) -> str:
        """Itself without escapes; wildcards stand for themselves."""
        return "".join(piece if isinstance(piece, str) else "*" if piece.several else "?" for piece in self._pieces())

    def _pieces(self) -> Iterator[str | Wildcard]:
        for match in _PIECE.finditer(self.raw):
            if (wildcard := match["wildcard"]) and not self.quoted:
                yield ANY if wildcard == "*" else ONE
            else:
                yield match["escaped"] or match["plain"] or match.group()

    def refused(self, message: str, suggestions: tuple[str, ...] = ()) -> QueryError:
        return QueryError("bad-value", message, self.start, suggestions)

    def not_allowed(self, message: str) -> QueryError:
        return QueryError("not-allowed", message, self.start)


def plain_text(literal: Literal) -> str:
    """Give a value that is compared as text, which is there and not too long."""
    if not literal.text:
        raise literal.refused("There is nothing between these quotes; what lacks a field is NOT _exists_:field.")
    if len(literal.text) > HEAD:
        message = f"A value has at most {HEAD:,} characters; this one has {len(literal.text):,}."
        raise QueryError("too-long", message, literal.start)
    return literal.text


def number(literal: Literal) -> Decimal:
    """Read a number as it is, to its last digit."""
    found = _as_number(literal, _NUMBER)
    if found is None:
        raise literal.refused(f"{shown(literal)} is no number.")
    return found


def json_number(literal: Literal) -> Decimal | None:
    """Read what may be a number of metadata; a phrase never is."""
    return None if literal.quoted else _as_number(literal, _JSON_NUMBER)


def _as_number(literal: Literal, form: re.Pattern[str]) -> Decimal | None:
    if len(literal.text) > MOST_DIGITS or not form.fullmatch(literal.text):
        return None
    value = Decimal(literal.text)
    return value if not value or abs(value.adjusted()) <= MOST_DIGITS else None


def boolean(literal: Literal) -> bool:
    try:
        return {"true": True, "false": False}[literal.text.lower()]
    except KeyError:
        raise literal.refused(f"{shown(literal)} is neither true nor false.", ("true", "false")) from None


def identifier(literal: Literal) -> UUID:
    if not _ID.fullmatch(literal.text):
        raise literal.refused(f"{shown(literal)} is no id: ids are whole, as in 01980f1c-7c2a-7b3e-9d55-2f6f0a1b2c3d.")
    return UUID(literal.text)


def shown(literal: Literal) -> str:
    """Give a value as messages have it: short."""
    text = literal.text
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}…"'

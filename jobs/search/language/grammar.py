"""In which order tokens may stand, and how many of them: checked before the parser sees the query."""

from collections.abc import Sequence
from typing import Final

from jobs.search.language.errors import QueryError
from jobs.search.language.fields import METADATA_PREFIX, NAMES
from jobs.search.language.scanning import Part, Token

#: So many conditions may a query have.
MOST_CLAUSES: Final = 64
#: So deep may parentheses and negations stand inside of each other.
DEEPEST: Final = 16

_CLAUSES: Final = frozenset({Part.WORD, Part.PHRASE, Part.RANGE})
_JOINING: Final = frozenset({Part.AND, Part.OR})
_PREFIXES: Final = frozenset({Part.NOT, Part.MINUS, Part.PLUS})
#: What a value, a group or a condition must follow.
_UNFINISHED: Final = _JOINING | _PREFIXES | {Part.COLON, Part.COMPARE, Part.OPEN}


def check(tokens: Sequence[Token]) -> None:
    """Raise QueryError unless the tokens are a query within the limits."""
    before: Token | None = None
    for token in tokens:
        _check_pair(before, token)
        before = token
    if before is not None and before.part in _UNFINISHED:
        raise _nothing_follows(before)
    _check_parentheses(tokens)
    _check_depth(tokens)
    clauses = [token for token in tokens if token.part in _CLAUSES]
    if len(clauses) > MOST_CLAUSES:
        raise QueryError(
            "too-complex",
            f"A query has at most {MOST_CLAUSES} conditions; this one has {len(clauses)}.",
            clauses[MOST_CLAUSES].start,
        )


def _check_pair(before: Token | None, token: Token) -> None:
    part, stands_before = token.part, before.part if before else None
    touching = before is not None and before.end == token.start
    if part is Part.COLON:
        if stands_before is not Part.FIELD:
            raise QueryError("syntax", "A colon stands directly behind the name of a field.", token.start)
        return
    if part is Part.NEAR:
        if stands_before is Part.PHRASE:
            raise QueryError(
                "not-allowed", "How near words are to each other cannot be asked: leave ~ out.", token.start
            )
        if stands_before is not Part.WORD or not touching:
            raise QueryError("syntax", "~ stands directly behind the word that it is for.", token.start)
        return
    if stands_before in (Part.COLON, Part.COMPARE):
        _check_value(before, token)
        return
    if part is Part.COMPARE and before is not None and touching and stands_before is Part.WORD:
        raise _forgotten_colon(before, token)
    if part in _JOINING or part is Part.CLOSE:
        _check_something_before(before, token)
    if touching and {part, stands_before} == {Part.WORD, Part.PHRASE}:
        raise QueryError("syntax", r"A quote inside of a word is written \"; else leave a space.", token.start)


def _check_value(before: Token | None, token: Token) -> None:
    """Say what may follow a colon: a value, a comparison, a range or a group; behind a comparison, a value."""
    assert before is not None
    if token.part in (Part.WORD, Part.PHRASE):
        return
    if before.part is Part.COLON and token.part in (Part.COMPARE, Part.RANGE, Part.OPEN):
        return
    raise _nothing_follows(before, token)


def _check_something_before(before: Token | None, token: Token) -> None:
    if before is None or before.part in _UNFINISHED:
        if before is not None and before.part is Part.OPEN and token.part is Part.CLOSE:
            raise QueryError("syntax", "There is nothing between these parentheses.", before.start)
        if before is not None and before.part is not Part.OPEN:
            raise _nothing_follows(before, token)
        raise QueryError("syntax", f"Nothing stands before this {token.text}.", token.start)


def _nothing_follows(before: Token, token: Token | None = None) -> QueryError:
    if before.part is Part.OPEN:
        return QueryError("syntax", "This parenthesis is never closed.", before.start)
    what = "value" if before.part in (Part.COLON, Part.COMPARE) else "condition"
    hint = ""
    if token is not None and what == "value" and token.part in _JOINING | _PREFIXES:
        hint = f' To look for the word itself, quote it: "{token.text}".'
    return QueryError("syntax", f"Behind this {before.text} a {what} is missing.{hint}", before.start)


def _forgotten_colon(before: Token, token: Token) -> QueryError:
    if before.text in NAMES or before.text.startswith(METADATA_PREFIX):
        return QueryError(
            "syntax", f"Behind the name of a field a colon stands: {before.text}:{token.text}…", token.start
        )
    return QueryError(
        "syntax", rf"Inside of a word {token.text} is written with a \ before it, or the word is quoted.", token.start
    )


def _check_parentheses(tokens: Sequence[Token]) -> None:
    opened: list[Token] = []
    for token in tokens:
        if token.part is Part.OPEN:
            opened.append(token)
        elif token.part is Part.CLOSE:
            if not opened:
                raise QueryError("syntax", "Nothing was opened that this ) could close.", token.start)
            opened.pop()
    if opened:
        raise QueryError("syntax", "This parenthesis is never closed.", opened[-1].start)


def _check_depth(tokens: Sequence[Token]) -> None:
    parentheses = prefixes = 0
    held: list[int] = []
    for token in tokens:
        if token.part in _PREFIXES:
            prefixes += 1
        elif token.part is Part.OPEN:
            held.append(prefixes)
            parentheses += 1
        elif token.part is Part.CLOSE:
            parentheses -= 1
            prefixes = held.pop()
        elif token.part in _CLAUSES:
            prefixes = held[-1] if held else 0
        if parentheses + prefixes > DEEPEST:
            raise QueryError("too-complex", f"A query is at most {DEEPEST} levels deep.", token.start)

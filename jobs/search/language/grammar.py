"""In which order tokens may stand, and how many of them: checked before the parser sees the query."""

from collections.abc import Sequence
from typing import Final

from jobs.search.language.errors import QueryError
from jobs.search.language.fields import METADATA_PREFIX, NAMES
from jobs.search.language.refused import check_word
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
    for index, token in enumerate(tokens):
        _check_pair(before, token)
        if token.part is Part.NEAR and index > 1 and tokens[index - 2].part is Part.COMPARE:
            raise QueryError("not-allowed", "A value that others are compared with has no ~.", token.start)
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
    if part is Part.WORD:
        check_word(token, is_value=stands_before in (Part.COLON, Part.COMPARE))
    if part is Part.COLON:
        if stands_before is not Part.FIELD:
            raise QueryError("syntax", "A colon stands directly behind the name of a field.", token.start)
    elif part is Part.NEAR:
        _check_near(before, token)
    elif before is not None and stands_before in (Part.COLON, Part.COMPARE):
        _check_value(before, token)
    elif part in _JOINING or part is Part.CLOSE:
        _check_something_before(before, token)
    elif before is not None:
        _check_neighbours(before, token)


def _check_near(before: Token | None, token: Token) -> None:
    if before is not None and before.part is Part.PHRASE:
        raise QueryError(
            "not-allowed", "How near words are to each other cannot be asked: leave the ~ out.", token.start
        )
    if before is None or before.part is not Part.WORD or before.end != token.start:
        raise QueryError("syntax", "A ~ stands directly behind the word that it is for.", token.start)


def _check_neighbours(before: Token, token: Token) -> None:
    """Refuse what only a missing or a wrong space can have brought together."""
    touching = before.end == token.start
    if before.part in (Part.MINUS, Part.PLUS) and not touching:
        raise QueryError(
            "syntax", f"A {before.text} stands directly before the condition that it is for.", before.start
        )
    if touching and {token.part, before.part} == {Part.WORD, Part.PHRASE}:
        raise QueryError("syntax", r"A quote inside of a word is written \"; else leave a space.", token.start)
    if touching and before.part in _JOINING | {Part.NOT} and token.part in (Part.PHRASE, Part.COMPARE):
        raise QueryError("syntax", f"Leave a space behind {before.text}.", token.start)
    if touching and token.part is Part.COMPARE and before.part is Part.WORD:
        raise _forgotten_colon(before, token)


def _check_value(before: Token, token: Token) -> None:
    """Behind a colon a value, a comparison, a range or a group may stand, behind a comparison a value."""
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
    sign = {Part.COLON: "colon", Part.COMPARE: "comparison"}.get(before.part, before.text)
    return QueryError("syntax", f"Behind this {sign} a {what} is missing.{hint}", before.start)


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
    # How deep it is inside of each open parenthesis, and outside of all.
    around = [0]
    depth = 0
    for token in tokens:
        if token.part in _PREFIXES or token.part is Part.OPEN:
            depth += 1
        if depth > DEEPEST:
            raise QueryError("too-complex", f"A query is at most {DEEPEST} levels deep.", token.start)
        if token.part is Part.OPEN:
            around.append(depth)
        elif token.part is Part.CLOSE:
            around.pop()
        if token.part is Part.CLOSE or token.part in _CLAUSES:
            depth = around[-1]

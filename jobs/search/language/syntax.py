"""The only door to luqum, which reads the structure of a query: operators, parentheses, fields.

It sees a text of the same length in which every name and value is a row of the same letter. So nothing that people
type can surprise it (it takes apart times, and chokes on some signs), and values are read where they really stand.
"""

import threading
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from jobs.search.language.errors import QueryError
from jobs.search.language.scanning import Part, Token

_loading = threading.Lock()


def structure(text: str, tokens: Sequence[Token]) -> Any:
    """Give luqum's tree of a query that has been checked; its positions are those of the text."""
    parse = _parser()
    try:
        return parse(_masked(text, tokens))
    except ValueError as error:  # luqum's own
        raise QueryError("syntax", "This cannot be read as a query.") from error


def _masked(text: str, tokens: Sequence[Token]) -> str:
    characters = [" "] * len(text)
    for token in tokens:
        characters[token.start : token.end] = _mask(token)
    return "".join(characters)


def _mask(token: Token) -> str:
    length = len(token.text)
    if token.part in (Part.WORD, Part.FIELD):
        return "w" * length
    if token.part is Part.PHRASE:
        return '"' + "w" * (length - 2) + '"'
    if token.part is Part.RANGE:
        # Its two ends are read from the token itself; so much room there always is.
        return token.text[0] + ("w TO w".ljust(length - 2)) + token.text[-1]
    if token.part is Part.NEAR:
        return "~".ljust(length, "1")
    return token.text


def _parser() -> Callable[[str], Any]:
    with _loading:
        return _load()


@cache
def _load() -> Callable[[str], Any]:
    """Import luqum, not before somebody searches, and without letting it write its tables beside its code.

    From Python 3.13 on the tables that it brings do not fit: then it makes them anew, and would write them to where
    packages are, which may be another user's.
    """
    from ply import yacc

    original = yacc.yacc
    yacc.yacc = partial(original, debug=False, write_tables=False, errorlog=yacc.NullLogger())
    try:
        # Its other parser, luqum.parser, mixes up the queries of threads.
        from luqum.thread import parse
    finally:
        yacc.yacc = original
    found: Callable[[str], Any] = parse
    return found

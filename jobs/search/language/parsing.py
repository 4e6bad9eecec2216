"""From what is typed to what it means."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from jobs.search.language.conditions import End, anywhere, between, equal_to, near
from jobs.search.language.errors import QueryError
from jobs.search.language.fields import Field
from jobs.search.language.grammar import check
from jobs.search.language.literals import Literal
from jobs.search.language.naming import field_named
from jobs.search.language.scanning import ENDS_OF_RANGE, Token, scan
from jobs.search.language.syntax import structure
from jobs.search.language.tree import EVERYTHING, And, Has, Node, Not, Or

_EXISTS: Final = "_exists_"
_OR: Final = "or"


def parse(text: str, now: datetime | None = None) -> Node:
    """Read a query, or raise QueryError; an empty one is every job.

    What stands side by side is joined by AND. NOT binds closest, then AND, then OR. `now` is what moments are reckoned
    from, aware; by default it is the moment of the call.
    """
    tokens = scan(text)
    if not tokens:
        return EVERYTHING
    check(tokens)
    return _Reading(tokens, (now or datetime.now(UTC)).astimezone(UTC)).node(structure(text, tokens), None)


class _Reading:
    """One query while it is read; `field` is the one whose group an expression stands in."""

    def __init__(self, tokens: list[Token], now: datetime) -> None:
        self.now = now
        self.tokens = {token.start: token for token in tokens}

    def node(self, item: Any, field: Field | None) -> Node:
        kind = type(item).__name__
        if kind.endswith("Operation"):
            return self._operation(item, field)
        if kind in ("Group", "FieldGroup"):
            return self.node(item.expr, field)
        if kind in ("Not", "Prohibit", "Plus"):
            inner = self.node(item.a, field)
            return inner if kind == "Plus" else Not(inner)
        if kind == "SearchField":
            return self._field(item, field)
        return self._condition(item, field)

    def _operation(self, item: Any, field: Field | None) -> Node:
        """Join by our own precedence: luqum has AND bind closer than nothing at all, which people take for the same."""
        alternatives: list[Node] = []
        sequence = list(_sequence(item))
        if _OR in sequence:
            _check_pluses(sequence)
        for is_or, found in groupby(sequence, key=lambda part: part is _OR):
            if not is_or:
                alternatives.append(all_of(tuple(self.node(operand, field) for operand in found)))
        return any_of(tuple(alternatives))

    def _field(self, item: Any, outer: Field | None) -> Node:
        name = self.tokens[item.pos]
        if outer is not None:
            raise QueryError(
                "syntax", f"Inside of the parentheses behind {outer.name}: no other field can be asked.", name.start
            )
        if name.text == _EXISTS:
            return self._exists(item.expr)
        if name.text == "*" and self._token(item.expr).text == "*":
            return EVERYTHING
        return self.node(item.expr, field_named(name.text, name.start))

    def _exists(self, item: Any) -> Node:
        token = self._token(item)
        if type(item).__name__ != "Word":
            raise QueryError("syntax", "Behind _exists_: the name of a field stands.", token.start)
        return Has(field_named(token.text, token.start))

    def _condition(self, item: Any, field: Field | None) -> Node:
        kind = type(item).__name__
        token = self._token(item)
        if kind == "Fuzzy":
            degree = self.tokens[token.end]
            return near(field, Literal.of(token.text, token.start), degree.text[1:], degree.start)
        if kind in ("From", "To"):
            return self._comparison(item, token, field)
        if kind == "Range":
            return self._range(token, field)
        literal = Literal.of(token.text, token.start)
        return anywhere(literal) if field is None else equal_to(field, literal, self.now)

    def _token(self, item: Any) -> Token:
        """Give where an item begins; of one with a ~ luqum takes the space before it for a part."""
        return self.tokens[getattr(item, "term", item).pos]

    def _comparison(self, item: Any, token: Token, field: Field | None) -> Node:
        value = self.tokens[item.a.pos]
        if field is None:
            raise QueryError("syntax", "A comparison needs a field before it, as in priority:>5.", token.start)
        end = End(Literal.of(value.text, value.start), token.text.endswith("="))
        low, high = (end, None) if token.text.startswith(">") else (None, end)
        return between(field, low, high, self.now)

    def _range(self, token: Token, field: Field | None) -> Node:
        if field is None:
            raise QueryError("syntax", "A range needs a field before it: created_at:[2026-01 TO *].", token.start)
        low, high = _ends(token)
        return between(
            field,
            None if low.is_star else End(low, token.text[0] == "["),
            None if high.is_star else End(high, token.text[-1] == "]"),
            self.now,
        )


def all_of(parts: tuple[Node, ...]) -> Node:
    """Join by AND, without an And inside of an And, nor one of a single part."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, And) else (part,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(parts: tuple[Node, ...]) -> Node:
    """Join by OR, as all_of by AND."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, Or) else (part,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def _sequence(item: Any) -> Iterator[Any]:
    """Give the operands of operations that no parentheses part, in the order of the text, with `or` between some."""
    if not type(item).__name__.endswith("Operation"):
        yield item
        return
    for index, operand in enumerate(item.operands):
        if index and type(item).__name__ == "OrOperation":
            yield _OR
        yield from _sequence(operand)


def _check_pluses(sequence: list[Any]) -> None:
    for operand in sequence:
        if type(operand).__name__ == "Plus":
            raise QueryError(
                "not-allowed", "A + beside OR has no meaning here: all or any, in parentheses.", operand.pos
            )


def _ends(token: Token) -> tuple[Literal, Literal]:
    match = ENDS_OF_RANGE.fullmatch(token.text)
    assert match is not None
    low, high = (Literal.of(match[end], token.start + match.start(end)) for end in ("low", "high"))
    return low, high

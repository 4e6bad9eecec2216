"""The conditions of a query one by one, as they are typed: to be shown, and taken away, each by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jobs.search.language.fields import METADATA_PREFIX, NAMES
from jobs.search.language.grammar import check
from jobs.search.language.literals import Literal
from jobs.search.language.scanning import ENDS_OF_RANGE, Part, Token, scan

_PREFIXES: Final = frozenset({Part.NOT, Part.MINUS, Part.PLUS})
#: The condition goes on behind these.
_LEADING: Final = _PREFIXES | {Part.FIELD, Part.COLON, Part.COMPARE}
_SIGNS: Final = {">=": "≥ ", "<=": "≤ ", ">": "> ", "<": "< "}


@dataclass(frozen=True, slots=True)
class Chip:
    """One of the conditions that all must be met."""

    #: As it was typed; it stands between start and end.
    text: str
    #: For people.
    label: str
    start: int
    end: int
    #: The query that is left when it is taken away.
    without: str


def chips(text: str) -> list[Chip]:
    """Give the conditions that a query joins by AND; one that has an OR outside of parentheses is a single condition.

    Raises QueryError for what is no query.
    """
    tokens = scan(text)
    check(tokens)
    found = list(_conditions(tokens))
    return [
        Chip(
            text[condition[0].start : condition[-1].end],
            _label(text, condition),
            condition[0].start,
            condition[-1].end,
            _without(text, found, index),
        )
        for index, condition in enumerate(found)
    ]


def _conditions(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    condition: list[Token] = []
    alternatives = _has_alternatives(tokens)
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.part is Part.OPEN) - (token.part is Part.CLOSE)
        if depth == 0 and token.part is Part.AND and not alternatives:
            continue
        condition.append(token)
        following = tokens[index + 1].part if index + 1 < len(tokens) else None
        goes_on = depth > 0 or token.part in _LEADING or following is Part.NEAR or alternatives
        if following is None or not goes_on:
            yield condition
            condition = []


def _has_alternatives(tokens: Sequence[Token]) -> bool:
    depth = 0
    for token in tokens:
        depth += (token.part is Part.OPEN) - (token.part is Part.CLOSE)
        if depth == 0 and token.part is Part.OR:
            return True
    return False


def _without(text: str, conditions: Sequence[Sequence[Token]], index: int) -> str:
    """Leave out a condition and what joins it to the next one, or the last one and what joins it to those before."""
    before = conditions[index - 1][-1].end if index else 0
    if index + 1 == len(conditions):
        return text[:before].lstrip()
    # Parentheses and quotes need no space around them, but what they parted does.
    joint = text[before : conditions[index][0].start] or " "
    return (text[:before] + joint + text[conditions[index + 1][0].start :]).lstrip()


def _label(text: str, condition: Sequence[Token]) -> str:
    """Say it shorter: names as words, values without quotes; what is more than one field and value stays as it is."""
    rest = list(condition)
    denied = ""
    if _has_alternatives(rest):
        return text[rest[0].start : rest[-1].end]
    while rest and rest[0].part in _PREFIXES:
        denied = denied if rest[0].part is Part.PLUS else "" if denied else "not "
        rest.pop(0)
    said = _field_label(rest) or text[rest[0].start : rest[-1].end]
    return "lacks " + said.removeprefix("has ") if denied and said.startswith("has ") else denied + said


def _field_label(tokens: Sequence[Token]) -> str:
    if [token.part for token in tokens] == [Part.PHRASE]:
        return f"“{_plain(tokens[0])}”"
    if "".join(token.text for token in tokens) in {"*", "*:*"}:
        return "every job"
    if len(tokens) < 3 or tokens[0].part is not Part.FIELD or tokens[2].part is Part.OPEN:
        return ""
    name, value = _name(tokens[0].text), tokens[2:]
    if tokens[0].text == "_exists_":
        return f"has {_name(value[0].text)}"
    if [token.text for token in value] == ["*"]:
        return f"has {name}"
    return f"{name}: {''.join(map(_value, value))}"


def _name(written: str) -> str:
    if written.startswith(METADATA_PREFIX) or written not in NAMES:
        return written
    return NAMES[written].name.replace("_", " ")


def _value(token: Token) -> str:
    if token.part is Part.COMPARE:
        return _SIGNS[token.text]
    if token.part is Part.RANGE and (ends := ENDS_OF_RANGE.fullmatch(token.text)):
        low, high = ends["low"], ends["high"]
        if "*" not in (low, high):
            return f"{token.text[0]}{low} – {high}{token.text[-1]}"
        signs = "> " if token.text[0] == "{" else "≥ ", "< " if token.text[-1] == "}" else "≤ "
        return "any" if low == high else signs[1] + high if low == "*" else signs[0] + low
    return token.text if token.part is Part.NEAR else _plain(token)


def _plain(token: Token) -> str:
    return Literal.of(token.text, token.start).text

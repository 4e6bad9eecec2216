"""Queries that one reader or another has come to grief with, each with jobs that tell right from wrong."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random

from jobs.models import Job
from jobs.search.language.fields import FIELDS, HEAD, Field, Kind, metadata_field
from jobs.search.language.tree import ANY, ONE, Bound, Contains, Has, Is, Like, Node, Within
from tests.jobs.search.trees import LONG, MOMENTS, NUMBERS, WORDS, job, json_text

_A = metadata_field(("a",))
#: One text, several, and those of metadata.
_OF_TEXTS = (FIELDS["hostname"], FIELDS["tags"], _A)
_PATTERNED = ("a_b", "50%", "aB*c", "a?c", "a\\c", "a\\*", "\\", "[a-z]", "日本語", "\U00010400x", "a\nb")
_ORDERED = ("\uffffz", "\ue000", "\U00010400x", "h" * HEAD, "~", "a", "A", "日本", "x\x1f")
_PIECES = ("a b", "  ", "2k", "σα", "ss", "ße", "needle", "xneedle", "i\u0307", "İs", "\U00010428x", "a\u2423", "ǆ")
_MORE_PIECES = (
    "[a",
    "b|c",
    "a.c",
    "\\*",
    "***:",
    "(?i)",
    'a "',
    "x && y",
    "$.",
    "日本",
    "\U0001f680 g",
    "\x1fb",
    "\\c",
)


def jobs(random: Random) -> Iterator[tuple[Job, str]]:
    """Make jobs that have every word and every number where queries look for it, and other things by chance."""
    for word in WORDS + LONG:
        made, metadata = job(random)
        made.hostname, made.tags = word, [word, "other"]
        yield made, metadata
        made, _ = job(random)
        made.error_message = word
        yield made, f'{{"a": {json_text(word)}, "b": [[{json_text(word)}]]}}'
    for number in (*NUMBERS, "true", "false", "null", "[]", "[[4]]", "[[1, 100]]", '["a", 4]', '[{"a": 4}]', '""'):
        made, _ = job(random)
        yield made, f'{{"a": {number}}}'


def queries() -> Iterator[Node]:
    for field in _OF_TEXTS:
        yield from _patterns(field)
        yield from _ranges(field, _ORDERED)
    yield from _ranges(_A, map(Decimal, NUMBERS))
    for value in (True, False, "true", "4", "4.0", Decimal(4), Decimal(1), Decimal("4.50"), "NaN", ""):
        yield Is(_A, value)
    for piece in _PIECES + _MORE_PIECES:
        yield Contains(None, piece)
        yield Contains(FIELDS["error_message"], piece)
    for field in (*(field for field in FIELDS.values() if field.kind is not Kind.REFERENCE), _A):
        yield Has(field)
    for field in (FIELDS["created_at"], FIELDS["completed_at"]):
        yield from _ranges(field, (MOMENTS[1], MOMENTS[1] + timedelta(microseconds=1)))
    numbers = [Decimal(text) for text in ("4.5", "5", "4.500", "10", "1e30", "-1e30", "-1e31", "1e31")]
    yield from (Is(FIELDS["priority"], number) for number in numbers)
    yield from _ranges(FIELDS["priority"], numbers)
    for version in (2**53 - 2, 2**53 - 1, 2**63 - 1, 2**63):
        yield Is(FIELDS["version"], Decimal(version))


def _patterns(field: Field) -> Iterator[Node]:
    for word in _PATTERNED:
        yield Like(field, (word, ANY))
        yield Like(field, (word[:1], ONE, word[2:])) if len(word) > 2 else Like(field, (word, ONE))
        if len(word) > 1:
            yield Like(field, (word[:-1], ANY, word[-1:]))
    yield Like(field, ("h", ANY, "z"))
    yield Like(field, ("h" * (HEAD - 1), ONE))
    yield Like(field, ("h" * HEAD, ONE))
    yield Like(field, ("b", ANY, "ild", ONE, "7"))
    if field.reversed:
        yield from (Like(field, (ANY, end)) for end in ("z", "h", "\\c", "*c", "example.org", "本語", "\U00010400x"))


def _ranges(field: Field, values: Iterable[object]) -> Iterator[Node]:
    for number, value in enumerate(values):
        # Every other one with its end, so that both are asked for and half of the time is saved.
        low, high = Bound(value, number % 2 == 0), Bound(value, number % 2 == 1)  # type: ignore[arg-type]
        yield Within(field, low, None)
        yield Within(field, None, high)

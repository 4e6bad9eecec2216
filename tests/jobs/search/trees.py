"""Jobs with nasty values, and queries over all fields that have a chance to find some of them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from django.db import connection
from hypothesis import strategies as st

from accounts.uuid7 import CLOCK_SKEW, first_uuid7
from jobs.models import Job
from jobs.search.language.fields import (
    FIELDS,
    HEAD,
    LEAST_OF_TEXT,
    OWNER,
    TEXT_HEAD,
    WORKSPACE,
    Field,
    Kind,
    metadata_field,
)
from jobs.search.language.tree import ANY, ONE, And, Bound, Contains, Has, Is, Like, Node, Not, Or, Wildcard, Within
from jobs.statuses import Status, WaitsFor

WORDS: Final = (
    *("a", "A", "ab", "aB*c", "a?c", "a\\c", "\\", "a\\*", "50%", "a_b", "axb", "build-7", "build 7", "Build 7"),
    *("compiler", "Compiler", "compiler-tests", "compilers", "true", "4", "4.0", "10", "null", "NaN", " lead", "t "),
    *("$.a", "[a-z]", "(b|c)+", "{}", "^a$", "a.c", "-", "x && y", "***:=a", "(?i)A", "[[:alpha:]]", "it's", 'a "b" c'),
    *("日本語", "日本", "本", "ß", "ẞ", "Straße", "STRASSE", "Σας", "σΑΣ", "İstanbul", "ıstanbul", "2\u212a", "2k"),
    *("é", "e\u0301", "ﬁne", "\U00010400x", "\U00010428x", "\U0001f680 go", "\uffffz", "\ue000", "Ǆ", "ǆ", "ǅ"),
    *("a\nb", "a\tb", "a b", "a\u00a0b", "a\u3000b", "a\u2423b", "a\x1fb", "x\x1f", "\x1f", "\x7f", "\u200b", "  "),
    *("h" * (HEAD - 1), "h" * HEAD, "h" * (HEAD + 1), "h" * (HEAD + 2) + "z", "h" * HEAD + "iz", "日" * (HEAD + 5)),
    *("sha256:abc123", "ada@example.org", "bob@EXAMPLE.org", "x.example.org", "s:a", "~", "\U0010ffff"),
)
#: So many of the words are in most jobs and queries, so that these meet.
COMMON: Final = 14
LONG: Final = (
    *(
        "x" * (TEXT_HEAD - 3) + "needle",
        "x" * (TEXT_HEAD - 6) + "needle",
        "x" * TEXT_HEAD,
        "Traceback\n  at line 4\r\n",
    ),
    *(" ".join(["the provider closed the Connection"] * 30), "y" * (HEAD - 3) + "needle", "y" * (HEAD - 6) + "needle"),
)
#: As they stand in JSON.
NUMBERS: Final = (
    *("0", "-0", "1", "-1", "4", "4.0", "4.50", "4.5", "-4.5", "10", "99", "100", "101", "0.1", "1e-7", "-1e-7", "1e2"),
    *("9007199254740993", "9007199254740992", "9223372036854775808", "12345678901234567890.123456789", "1" + "0" * 299),
    *("12345678901234567890.123456788", "-12345678901234567890.123456789", "1e399", "-1e399", "1e-399", "1" * 400),
)
KEYS: Final = ("a", "b", "A", "cpuCores", "x y", 'q"uote', "back\\slash", "日", "\U0001f680", "$", "*", "@", "0", "a:b")
#: Keys that no path names, but what is below them is found by its words.
UNNAMEABLE: Final = ("", "a.b", "c\x1fd", "\n")
PATHS: Final = tuple((*before, key) for before in ((), ("a",), ("b",), ("a", "b")) for key in KEYS)
IDS: Final = tuple(UUID(int=(0x018F << 112) | number) for number in range(4))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TODAY: Final = datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC)
MOMENTS: Final = (
    *(_TODAY + timedelta(microseconds=micros) for micros in (-1, 0, 1, 544, 876_544)),
    *(_TODAY + timedelta(seconds=seconds) for seconds in (-61, -60, -1, 1, 59, 60, 61, 3600)),
    *(_TODAY - timedelta(days=days) for days in (1, 30, 365)),
    *(datetime(2000, 1, 1, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)),
)
_TAKEN_WITHOUT_TRIGGERS: Final = "SET LOCAL session_replication_role = replica"


def job(random: Random) -> tuple[Job, str]:
    """Make a lawful job, and the text of its metadata: Python's own JSON has no such numbers."""
    status = random.choice(Status.values)
    created, ended = random.choice(MOMENTS), random.choice(MOMENTS)
    made = Job(
        id=_id_of(created, random),
        created_at=created,
        updated_at=random.choice(MOMENTS),
        scheduled_at=random.choice(MOMENTS),
        started_at=None if status == "pending" else _maybe(random, MOMENTS, None, status == "processing"),
        completed_at=ended if status == "completed" else None,
        failed_at=ended if status in {"failed", "dead_letter"} else None,
        status=status,
        job_type=random.choice(WORDS),
        queue=_maybe(random, WORDS, "default"),
        tags=[_maybe(random, WORDS, "") for _ in range(random.choice((0, 0, 1, 2, 3)))],
        error_message=_maybe(random, WORDS + LONG, random.choice((None, ""))),
        error_details=random.choice((None, {}, [], "x", *3 * ({"error_class": _maybe(random, WORDS, 4)},))),
        **{name: _maybe(random, WORDS, "") for name in ("project_name", "hostname", "arch", "user_email")},
        **{name: _maybe(random, WORDS, random.choice((None, ""))) for name in _NULLABLE},
        waits_for=_maybe(random, WaitsFor.values, None),
        lane_key=_maybe(random, ("k:a",), None),
        unique_states=[],
        **{f"{name}_id": _maybe(random, IDS, None) for name in ("user", "workspace", "parent", "schedule", "batch")},
        **{name: random.choice((0, 1, 4, 5, 10, 100)) for name in ("priority", "attempt", "retry_count", "progress")},
        max_retries=random.choice((0, 3, 2**31 - 1)),
        # The engine of the tests compares larger ones as doubles do; real ones do not.
        version=random.choice((1, 2, 2**53 - 1)),
        is_deleted=random.random() < 0.2,
    )
    return made, "{}" if random.random() < 0.2 else _json(random, depth=0)


#: Jobs for hypothesis, as `job` makes them.
jobs: Final = st.randoms(use_true_random=False).map(job)


def lay(made: Iterable[tuple[Job, str]]) -> list[Job]:
    """Put jobs into the table as they are, and read them back with every digit of their metadata."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN_WITHOUT_TRIGGERS)
        pairs = list(made)
        Job.objects.bulk_create([each for each, _ in pairs])
        cursor.executemany(
            "UPDATE job_queue SET metadata = %s::jsonb WHERE id = %s", [(text, each.pk) for each, text in pairs]
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("SELECT id, metadata::text FROM job_queue")
        exact = {pk: json.loads(text, parse_float=Decimal, parse_int=Decimal) for pk, text in cursor.fetchall()}
    found = list(Job.objects.defer("metadata").filter(pk__in=[each.pk for each, _ in pairs]))
    for each in found:
        each.metadata = exact[each.pk]
    return found


_NULLABLE: Final = ("unique_key", "concurrency_key", "session", "request_id")


def _maybe(random: Random, values: Any, nothing: Any, always: bool = False) -> Any:
    if not always and random.random() < 0.4:
        return nothing
    return random.choice(values[:COMMON] if random.random() < 0.6 else values)


def _id_of(created: datetime, random: Random) -> UUID:
    skew = timedelta(seconds=random.choice((-59, 0, 0, 0, 59)))
    assert abs(skew) < CLOCK_SKEW
    return UUID(int=first_uuid7(created + skew).int | random.getrandbits(62))


def _json(random: Random, depth: int) -> str:
    kind = random.random()
    if depth == 0 or (depth < 4 and kind < 0.25):
        keys = random.sample(KEYS[:4] if random.random() < 0.7 else KEYS + UNNAMEABLE, random.choice((1, 2, 3)))
        return "{" + ", ".join(f"{json.dumps(key)}: {_json(random, depth + 1)}" for key in keys) + "}"
    if depth < 4 and kind < 0.45:
        return "[" + ", ".join(_json(random, depth + 1) for _ in range(random.choice((0, 1, 2, 3)))) + "]"
    if kind < 0.7:
        return random.choice(NUMBERS)
    if kind < 0.8:
        return random.choice(("true", "false", "null", '""'))
    return json_text(random.choice(WORDS + LONG))


def json_text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _changed(word: str) -> st.SearchStrategy[str]:
    """The word, and what is near it in the order of texts."""
    near = [word, word + "a", word[:-1], word[1:], word.upper(), word.lower(), word + "\x01", word[: len(word) // 2]]
    return st.sampled_from([each for each in near if 0 < len(each) <= HEAD] or ["a"])


def _one_of(words: tuple[str, ...]) -> st.SearchStrategy[str]:
    """By number: hypothesis would write out all of them."""
    return (st.integers(0, COMMON - 1) | st.integers(0, len(words) - 1)).map(lambda number: words[number])


texts = _one_of(WORDS).flatmap(_changed)
numbers = st.sampled_from(NUMBERS).map(Decimal) | st.integers(-5, 101).map(Decimal)
moments = st.sampled_from(MOMENTS).flatmap(
    lambda moment: st.sampled_from([moment, moment + timedelta(microseconds=1), moment - timedelta(microseconds=1)])
) | st.sampled_from([_EPOCH, datetime.max.replace(tzinfo=UTC)])
ids = st.sampled_from([*IDS, UUID(int=0)])
metadata_fields = st.sampled_from(PATHS[: len(KEYS)][:4] + PATHS).map(metadata_field)

_STORED = [field for field in FIELDS.values() if field.kind is not Kind.REFERENCE] + [OWNER, WORKSPACE]


def _of(*kinds: Kind) -> st.SearchStrategy[Field]:
    return st.sampled_from([field for field in _STORED if field.kind in kinds])


_VALUES: Final[dict[Kind, st.SearchStrategy[Any]]] = {
    Kind.KEYWORD: texts,
    Kind.NUMBER: numbers,
    Kind.MOMENT: moments,
    Kind.BOOLEAN: st.booleans(),
    Kind.ID: ids,
}


def _values_of(field: Field) -> st.SearchStrategy[Any]:
    if field.kind is Kind.METADATA:
        return texts | numbers | st.booleans()
    return st.sampled_from(field.choices) if field.choices else _VALUES[field.kind]


def _is(field: Field) -> st.SearchStrategy[Node]:
    return _values_of(field).map(lambda value: Is(field, value))


def _within(field: Field) -> st.SearchStrategy[Node]:
    kinds = [texts, numbers] if field.kind is Kind.METADATA else [_values_of(field)]
    return st.one_of([_between(field, st.builds(Bound, kind, st.booleans())) for kind in kinds])


def _between(field: Field, bounds: st.SearchStrategy[Bound]) -> st.SearchStrategy[Node]:
    return st.one_of(
        bounds.map(lambda low: Within(field, low, None)),
        bounds.map(lambda high: Within(field, None, high)),
        st.tuples(bounds, bounds).map(lambda both: Within(field, *sorted(both, key=lambda bound: bound.value))),
    )


def _pattern_of(word: str, field: Field) -> st.SearchStrategy[tuple[str | Wildcard, ...]]:
    """Cut a word up, and leave out of it what the wildcards stand for."""
    middle = st.lists(st.sampled_from([ANY, ONE]), min_size=1, max_size=2)
    cuts = st.tuples(st.integers(1, len(word)), st.integers(0, len(word)), middle)
    patterns = cuts.map(lambda cut: _pieces_of(word[: cut[0]], *cut[2], word[cut[0] + cut[1] :]))
    if not field.reversed:
        return patterns
    return patterns | st.integers(0, len(word) - 1).map(lambda cut: (ANY, word[cut:]))


def _pieces_of(*pieces: str | Wildcard) -> tuple[str | Wildcard, ...]:
    return tuple(piece for piece in pieces if piece)


def _like(field: Field) -> st.SearchStrategy[Node]:
    return texts.flatmap(lambda word: _pattern_of(word, field)).map(lambda pattern: Like(field, pattern))


def _piece_of(text: str) -> st.SearchStrategy[str]:
    cuts = st.tuples(st.integers(0, max(0, len(text) - LEAST_OF_TEXT)), st.integers(LEAST_OF_TEXT, 12))
    return cuts.map(lambda cut: text[cut[0] : cut[0] + cut[1]])


_pieces = (
    _one_of(WORDS + LONG).flatmap(_piece_of) | st.sampled_from(["needle", "xneedle", "connection", "line 4"])
).filter(lambda piece: len(piece) >= LEAST_OF_TEXT)

_conditions: st.SearchStrategy[Node] = st.one_of(
    _of(*_VALUES).flatmap(_is),
    _of(Kind.KEYWORD, Kind.NUMBER, Kind.MOMENT).filter(lambda field: not field.choices).flatmap(_within),
    _of(Kind.KEYWORD).filter(lambda field: not field.choices).flatmap(_like),
    metadata_fields.flatmap(_is),
    metadata_fields.flatmap(_within),
    metadata_fields.flatmap(_like),
    st.builds(Contains, _of(Kind.TEXT) | st.none(), _pieces),
    (st.sampled_from(_STORED) | metadata_fields).map(Has),
)


def _joined(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(children, max_size=4).map(tuple)
    return st.one_of(children.map(Not), several.map(And), several.map(Or))


#: Queries as the parser may give them, resolved; Near is left out, which only the engine answers.
trees: Final[st.SearchStrategy[Node]] = st.recursive(_conditions, _joined, max_leaves=8)

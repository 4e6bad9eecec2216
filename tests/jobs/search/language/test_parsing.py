"""What is typed, and what it means."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from jobs.search.language.fields import FIELDS, metadata_field
from jobs.search.language.parsing import parse
from jobs.search.language.tree import (
    ANY,
    EVERYTHING,
    ONE,
    And,
    Bound,
    Contains,
    Has,
    Is,
    Like,
    Near,
    Node,
    Not,
    Or,
    Within,
)
from tests.jobs.search.language.asked import NOW, at, refused

A, B, C, D = (Contains(None, text) for text in ("aa", "bb", "cc", "dd"))
STATUS, HOST, TAGS = FIELDS["status"], FIELDS["hostname"], FIELDS["tags"]
PRIORITY, ERROR, CREATED = FIELDS["priority"], FIELDS["error_message"], FIELDS["created_at"]
CORES = metadata_field(("cores",))


def meaning(query: str) -> Node:
    return parse(query, NOW)


def test_the_whole_language_in_one_query() -> None:
    query = (
        'status:failed AND arch:arm64 AND (project_name:compiler* OR hostname:"build 7") '
        "AND created_at:[2026-01-01 TO *] AND metadata.cpuCores:>=4 NOT user_email:*@example.org"
    )
    assert meaning(query) == And(
        (
            Is(STATUS, "failed"),
            Is(FIELDS["arch"], "arm64"),
            Or((Like(FIELDS["project_name"], ("compiler", ANY)), Is(HOST, "build 7"))),
            Within(CREATED, Bound(at("2026-01-01"), True), None),
            Within(metadata_field(("cpuCores",)), Bound(Decimal(4), True), None),
            Not(Like(FIELDS["user_email"], (ANY, "@example.org"))),
        )
    )


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("", EVERYTHING),
        (" \t\n", EVERYTHING),
        ("*", EVERYTHING),
        ("*:*", EVERYTHING),
        ("aa bb", And((A, B))),
        ("aa AND bb", And((A, B))),
        ("aa OR bb", Or((A, B))),
        # AND binds closer than OR, and a space is an AND.
        ("aa AND bb OR cc", Or((And((A, B)), C))),
        ("aa bb OR cc", Or((And((A, B)), C))),
        ("aa OR bb AND cc", Or((A, And((B, C))))),
        ("aa OR bb cc", Or((A, And((B, C))))),
        ("aa OR bb cc OR dd", Or((A, And((B, C)), D))),
        ("aa bb AND cc dd", And((A, B, C, D))),
        ("(aa OR bb) cc", And((Or((A, B)), C))),
        ("(aa OR bb) (cc OR dd)", And((Or((A, B)), Or((C, D))))),
        ("(aa bb) AND (cc dd)", And((A, B, C, D))),
        ("((aa))", A),
        # NOT binds closest.
        ("NOT aa", Not(A)),
        ("-aa", Not(A)),
        ("NOT aa bb", And((Not(A), B))),
        ("aa NOT bb", And((A, Not(B)))),
        ("aa AND NOT bb", And((A, Not(B)))),
        ("aa OR NOT bb cc", Or((A, And((Not(B), C))))),
        ("NOT (aa OR bb)", Not(Or((A, B)))),
        ("-(aa bb)", Not(And((A, B)))),
        ("NOT NOT aa", Not(Not(A))),
        ("+aa -bb", And((A, Not(B)))),
        ("*:* -aa", Not(A)),
    ],
)
def test_how_conditions_are_joined(query: str, tree: Node) -> None:
    assert meaning(query) == tree


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("hostname:build-7.example.org", Is(HOST, "build-7.example.org")),
        ("host:build", Is(HOST, "build")),
        ("hostname: build", Is(HOST, "build")),
        ('hostname:"build 7"', Is(HOST, "build 7")),
        ('hostname:"a * ?"', Is(HOST, "a * ?")),
        (r'hostname:"say \"hi\" \\ \n"', Is(HOST, r'say "hi" \ n')),
        (r"hostname:a\ b\*\:\(c\)", Is(HOST, "a b*:(c)")),
        (r"hostname:\AND", Is(HOST, "AND")),
        ("hostname:TO", Is(HOST, "TO")),
        ("hostname:ビルド", Is(HOST, "ビルド")),
        ("hostname:-x", Is(HOST, "-x")),
        ("hostname:::1", Is(HOST, "::1")),
        ("concurrency_key:user:17", Is(FIELDS["concurrency_key"], "user:17")),
        ("hostname:*", Has(HOST)),
        ("hostname:**", Has(HOST)),
        ("_exists_:host", Has(HOST)),
        ("hostname:b*d?7", Like(HOST, ("b", ANY, "d", ONE, "7"))),
        (r"hostname:b\**", Like(HOST, ("b*", ANY))),
        ("hostname:b***", Like(HOST, ("b", ANY))),
        ("hostname:[a TO b}", Within(HOST, Bound("a", True), Bound("b", False))),
        ('hostname:{"a b" TO *]', Within(HOST, Bound("a b", False), None)),
        ("hostname:>=a", Within(HOST, Bound("a", True), None)),
        ("hostname:bild~1", Near(HOST, "bild", 1)),
        ("hostname:bild~", Near(HOST, "bild", 2)),
        (r"hostname:bi\*d~", Near(HOST, "bi*d", 2)),
        ("hostname:(a OR b*)", Or((Is(HOST, "a"), Like(HOST, ("b", ANY))))),
        ("tags:(a b)", And((Is(TAGS, "a"), Is(TAGS, "b")))),
        ("tags:(a -b)", And((Is(TAGS, "a"), Not(Is(TAGS, "b"))))),
        ("-tags:(a OR (b c))", Not(Or((Is(TAGS, "a"), And((Is(TAGS, "b"), Is(TAGS, "c"))))))),
        ("status:FAILED", Is(STATUS, "failed")),
        ("status:Dead*", Like(STATUS, ("dead", ANY))),
        ("priority:5", Is(PRIORITY, Decimal(5))),
        ("priority:-5.50", Is(PRIORITY, Decimal("-5.5"))),
        ("priority:<5", Within(PRIORITY, None, Bound(Decimal(5), False))),
        ("priority:[-5 TO 1e2]", Within(PRIORITY, Bound(Decimal(-5), True), Bound(Decimal(100), True))),
        ("priority:(>2 <=5)", And((meaning("priority:>2"), meaning("priority:<=5")))),
        ("priority:[* TO *]", Has(PRIORITY)),
        ("is_deleted:True", Is(FIELDS["is_deleted"], True)),
        ("user:anna", Is(FIELDS["user_id"], "anna")),
        ('workspace:"My team"', Is(FIELDS["workspace"], "My team")),
        ("user:*", Has(FIELDS["user_id"])),
        (
            "id:01980F1C-7c2a-7b3e-9d55-2f6f0a1b2c3d",
            Is(FIELDS["id"], UUID("01980f1c-7c2a-7b3e-9d55-2f6f0a1b2c3d")),
        ),
        ("error_class:*", Has(FIELDS["error_class"])),
    ],
)
def test_what_is_asked_of_a_field(query: str, tree: Node) -> None:
    assert meaning(query) == tree


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("timeout", Contains(None, "timeout")),
        ('"connection reset"', Contains(None, "connection reset")),
        ("*time*", Contains(None, "time")),
        (r"50\%", Contains(None, "50%")),
        ("it's", Contains(None, "it's")),
        ('"and"', Contains(None, "and")),
        ("TO", Contains(None, "TO")),
        ("a=b", Contains(None, "a=b")),
        ("error_message:timeout", Contains(ERROR, "timeout")),
        ('error:"connection reset"', Contains(ERROR, "connection reset")),
        ("error:time*", Contains(ERROR, "time")),
        ("error:(aa OR bb)", Or((Contains(ERROR, "aa"), Contains(ERROR, "bb")))),
        ("error:*", Has(ERROR)),
    ],
)
def test_texts_are_searched_for_pieces(query: str, tree: Node) -> None:
    assert meaning(query) == tree


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        # A bare word is the text and what else it reads like; what is quoted is a text.
        ("metadata.cores:4", Or((Is(CORES, "4"), Is(CORES, Decimal(4))))),
        ("metadata.cores:-4.5e3", Or((Is(CORES, "-4.5e3"), Is(CORES, Decimal(-4500))))),
        ("metadata.cores:+4", Is(CORES, "+4")),
        ('metadata.cores:"4"', Is(CORES, "4")),
        ("metadata.cores:true", Or((Is(CORES, "true"), Is(CORES, True)))),
        ('metadata.cores:"true"', Is(CORES, "true")),
        ("metadata.cores:True", Is(CORES, "True")),
        ("metadata.cores:null", Is(CORES, "null")),
        ("metadata.cores:sha256:abc", Is(CORES, "sha256:abc")),
        ("metadata.cores:4*", Like(CORES, ("4", ANY))),
        ("metadata.cores:*", Has(CORES)),
        ("_exists_:metadata.cores", Has(CORES)),
        ("metadata.cores:>=4", Within(CORES, Bound(Decimal(4), True), None)),
        ('metadata.cores:>="4"', Within(CORES, Bound("4", True), None)),
        ("metadata.cores:[1 TO 4}", Within(CORES, Bound(Decimal(1), True), Bound(Decimal(4), False))),
        ("metadata.cores:[1 TO b]", Within(CORES, Bound("1", True), Bound("b", True))),
        ('metadata.cores:["1" TO 4]', Within(CORES, Bound("1", True), Bound("4", True))),
        ("metadata.a.b-c.D:x", Is(metadata_field(("a", "b-c", "D")), "x")),
        (r"metadata.a\ b:x", Is(metadata_field(("a b",)), "x")),
    ],
)
def test_metadata_is_asked_by_path(query: str, tree: Node) -> None:
    assert meaning(query) == tree


def test_numbers_are_exact() -> None:
    assert meaning("priority:0.1000000000000000000000001") == Is(PRIORITY, Decimal("0.1000000000000000000000001"))


@pytest.mark.parametrize(
    ("query", "low", "high"),
    [
        ("created_at:2026-02", "2026-02-01", "2026-03-01"),
        ("created_at:>2026-02", "2026-03-01", None),
        ("created_at:>=2026-02", "2026-02-01", None),
        ("created_at:<2026-02", None, "2026-02-01"),
        ("created_at:<=2026-02", None, "2026-03-01"),
        ("created_at:[2026-02 TO 2026-02]", "2026-02-01", "2026-03-01"),
        ("created_at:{2026-01 TO 2026-03}", "2026-02-01", "2026-03-01"),
        ("created_at:2026-01-31T09:30:00+02:00", "2026-01-31T07:30:00", "2026-01-31T07:30:01"),
        ("created_at:[2026-01-31T09:30:00+02:00 TO *]", "2026-01-31T07:30:00", None),
        ("created_at:>=2026-01-31T09:30:00Z", "2026-01-31T09:30:00", None),
        ('created_at:"2026-01-31 09:30"', "2026-01-31T09:30:00", "2026-01-31T09:31:00"),
        ("created_at:>now-7d/d", "2026-11-16", None),
        ("created_at:[now-1d/d TO now/d}", "2026-11-21", "2026-11-22"),
    ],
)
def test_a_date_is_all_of_its_period(query: str, low: str | None, high: str | None) -> None:
    assert meaning(query) == Within(CREATED, low and Bound(at(low), True), high and Bound(at(high), False))


def test_now_is_the_moment_of_the_call_unless_it_is_given() -> None:
    before = datetime.now(UTC)
    tree = parse("created_at:<now")
    assert isinstance(tree, Within) and tree.high is not None
    assert before <= tree.high.value <= datetime.now(UTC)  # type: ignore[operator]


def test_names_and_values_may_hold_what_the_parser_below_takes_for_something() -> None:
    for text in ("T10:00", "a/b", "a+b", "a=b", "x&&y", "a'b", "50%", "#1", "$HOME", "a|b", "ǅ", "\u3042"):
        assert meaning(f"hostname:{text} aa") == And((Is(HOST, text), A))


def test_limits_let_through_what_they_say() -> None:
    assert len(meaning(" ".join(f"tag:t{n}" for n in range(64))).parts) == 64  # type: ignore[union-attr]
    assert meaning("(" * 16 + "aa" + ")" * 16) == A
    assert len(meaning("NOT (aa) " * 64).parts) == 64  # type: ignore[union-attr]
    assert len(meaning("-(-tag:(-aa)) " * 64).parts) == 64  # type: ignore[union-attr]
    assert meaning("hostname:" + "a" * 1000) == Is(HOST, "a" * 1000)
    assert meaning("aa" + " " * 2046) == A
    assert refused("aa" + " " * 2047).code == "too-long"

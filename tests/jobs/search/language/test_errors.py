"""What is refused: each with a code, a place and words for whoever typed it."""

import pytest

from jobs.search.language import suggestions
from jobs.search.language.fields import NAMES
from jobs.statuses import Status
from tests.jobs.search.language.asked import refused


@pytest.mark.parametrize(
    ("query", "code", "position", "message"),
    [
        # Structure
        ("aa AND", "syntax", 3, "Behind this AND a condition is missing."),
        ("AND aa", "syntax", 0, "Nothing stands before this AND."),
        ("aa AND OR bb", "syntax", 3, "Behind this AND a condition is missing."),
        ("(OR aa)", "syntax", 1, "Nothing stands before this OR."),
        ("aa NOT", "syntax", 3, "Behind this NOT a condition is missing."),
        ("- aa", "syntax", 0, "A - stands directly before the condition that it is for."),
        ("(aa", "syntax", 0, "This parenthesis is never closed."),
        ("aa (", "syntax", 3, "This parenthesis is never closed."),
        ("aa)", "syntax", 2, "Nothing was opened that this ) could close."),
        ("aa ()", "syntax", 3, "There is nothing between these parentheses."),
        ("aa]", "syntax", 2, "Nothing was opened that this ] could close."),
        ('aa "bb', "syntax", 3, "This quote is never closed."),
        ("aa\\", "syntax", 2, r"A backslash stands before the character that it is for; itself it is \\."),
        ('hostname:a"b"', "syntax", 10, r"A quote inside of a word is written \"; else leave a space."),
        ('aa OR"bb"', "syntax", 5, "Leave a space behind OR."),
        # Fields
        ("hostname:", "syntax", 8, "Behind this colon a value is missing."),
        (
            "hostname: AND aa",
            "syntax",
            8,
            'Behind this colon a value is missing. To look for the word itself, quote it: "AND".',
        ),
        ("priority:>", "syntax", 9, "Behind this comparison a value is missing."),
        ("hostname : aa", "syntax", 9, "A colon stands directly behind the name of a field."),
        (":aa", "syntax", 0, "A colon stands directly behind the name of a field."),
        ("priority>5", "syntax", 8, "Behind the name of a field a colon stands: priority:>…"),
        (">5", "syntax", 0, "A comparison needs a field before it, as in priority:>5."),
        ("aa>5", "syntax", 2, r"Inside of a word > is written with a \ before it, or the word is quoted."),
        ("[aa TO bb]", "syntax", 0, "A range needs a field before it: created_at:[2026-01 TO *]."),
        (
            "priority:[1 2]",
            "syntax",
            9,
            "A range is written [low TO high], with a * for an end that is open.",
        ),
        (
            "tags:(aa host:bb)",
            "syntax",
            9,
            "Inside of the parentheses behind tags: no other field can be asked.",
        ),
        ("_exists_:(host)", "syntax", 9, "Behind _exists_: the name of a field stands."),
        ("hosst:aa", "unknown-field", 0, 'There is no field "hosst". A text with a colon or a space in it is quoted.'),
        (
            "_exists_:hosst",
            "unknown-field",
            9,
            'There is no field "hosst". A text with a colon or a space in it is quoted.',
        ),
        ("_missing_:host", "unknown-field", 0, "What lacks a field is NOT _exists_:field."),
        (
            "metadata:aa",
            "unknown-field",
            0,
            "Say which key of metadata: metadata.key:value. Words without a field look in all of it.",
        ),
        (
            "metadata.a..b:aa",
            "unknown-field",
            0,
            "The keys behind metadata are parted by single dots: metadata.a.b.",
        ),
        ("ho*:aa", "not-allowed", 0, "The name of a field has no wildcards."),
        # Values
        (
            "aa NOT status:faild",
            "bad-value",
            14,
            "status is one of pending, processing, dead_letter, completed, failed, cancelled.",
        ),
        ("priority:high", "bad-value", 9, '"high" is no number.'),
        ("priority:4e9999", "bad-value", 9, '"4e9999" is no number.'),
        ("is_deleted:yes", "bad-value", 11, '"yes" is neither true nor false.'),
        (
            "id:0198*",
            "bad-value",
            3,
            '"0198*" is no id: ids are whole, as in 01980f1c-7c2a-7b3e-9d55-2f6f0a1b2c3d.',
        ),
        ("created_at:2026-02-31", "bad-value", 11, '"2026-02-31" is no moment: day is out of range for month.'),
        ("created_at:now+9999y", "bad-value", 11, '"now+9999y" is outside of the years 1 to 9999.'),
        (
            'hostname:""',
            "bad-value",
            9,
            "There is nothing between these quotes; what lacks a field is NOT _exists_:field.",
        ),
        ("aa b", "bad-value", 3, '"b" is too short: look for 2 characters or more, and quote what has a space in it.'),
        ("priority:>*", "bad-value", 10, "A comparison needs a value; that a field has any is field:*."),
        ("hostname:" + "a" * 1001, "too-long", 9, "A value has at most 1,000 characters; this one has 1,001."),
        ("hostname:a\x00b", "bad-value", 10, "Control characters cannot be searched for."),
        ("hostname:a\x1fb", "bad-value", 10, "Control characters cannot be searched for."),
        ("hostname:\ud800", "bad-value", 9, "This is half a character: a lone surrogate."),
        # What Lucene has and this has not
        (
            "aa^2",
            "not-allowed",
            2,
            r"Boosts mean nothing here, for hits are sorted by a field; a ^ itself is written \^.",
        ),
        ('"aa bb"~2', "not-allowed", 7, "How near words are to each other cannot be asked: leave the ~ out."),
        (
            "hostname:/b.*/",
            "not-allowed",
            9,
            'Regular expressions are not allowed. What begins with a slash is quoted: "/var/log".',
        ),
        (
            "arch:*64",
            "not-allowed",
            5,
            "A value of arch cannot begin with a wildcard; one of these can: project_name, hostname, user_email.",
        ),
        (
            "metadata.a:?b",
            "not-allowed",
            11,
            "A value of metadata.a cannot begin with a wildcard; one of these can: project_name, hostname, user_email.",
        ),
        ("hostname:*b*", "not-allowed", 9, "A value that begins with * has no other wildcard."),
        ("hostname:?b", "not-allowed", 9, "A value can begin with *, but not with ?."),
        (
            "error:time?out",
            "not-allowed",
            6,
            "Pieces of text have no wildcards in them: ask for each piece by itself.",
        ),
        ("error:[aa TO bb]", "not-allowed", 7, "error_message has no order: ask for error_message:value."),
        ("status:>failed", "not-allowed", 8, "status has no order: ask for status:value."),
        ("user:an*", "not-allowed", 5, "user_id is asked by a whole name, without wildcards."),
        (
            "timeut~",
            "not-allowed",
            0,
            "Only fields that are compared as a whole can be asked with ~, as hostname:bild~1.",
        ),
        ("hostname:b*~1", "not-allowed", 9, "A value has wildcards or a ~, not both."),
        ("hostname:bild~3", "bad-value", 13, "Behind ~ stands how many characters may differ: 1 or 2."),
        ("hostname:bild~0.5", "bad-value", 13, "Behind ~ stands how many characters may differ: 1 or 2."),
        ("hostname:>bild~1", "not-allowed", 14, "A value that others are compared with has no ~."),
        ("aa ~1", "syntax", 3, "A ~ stands directly behind the word that it is for."),
        ("+aa OR bb", "not-allowed", 0, "A + beside OR has no meaning here: all or any, in parentheses."),
        # What other languages have
        ("aa && bb", "syntax", 3, "Write AND instead of &&."),
        ("aa || bb", "syntax", 3, "Write OR instead of ||."),
        ("!aa", "syntax", 0, "Write NOT instead of !."),
        ("aa and bb", "syntax", 3, 'Write AND instead of and. To look for the word itself, quote it: "and".'),
        (
            "status=failed",
            "syntax",
            6,
            'Behind the name of a field a colon stands: status:… To look for it as it is, quote it: "status=failed".',
        ),
        ("hostname:'build 7'", "syntax", 9, 'Values are put between " and ".'),
        ("“build 7”", "syntax", 0, 'Values are put between " and ".'),
        # Size
        ("a" * 2049, "too-long", None, "A query has at most 2,048 characters; this one has 2,049."),
        ("aa " * 65, "too-complex", 192, "A query has at most 64 conditions; this one has 65."),
        ("(" * 17 + "aa" + ")" * 17, "too-complex", 16, "A query is at most 16 levels deep."),
        ("NOT " * 17 + "aa", "too-complex", 64, "A query is at most 16 levels deep."),
        ("-" * 9 + "(" + "-" * 9 + "aa)", "too-complex", 16, "A query is at most 16 levels deep."),
        (
            "metadata" + ".a" * 17 + ":b",
            "too-complex",
            0,
            "A path of metadata has at most 16 keys, on one line.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_its_place(query: str, code: str, position: int | None, message: str) -> None:
    error = refused(query)
    assert (error.code, error.position, error.message) == (code, position, message)


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-1-1", "2026-01-01T25:00", "1767225600000", "2026-01-*", "now-7", "now-7x"]
)
def test_moments_that_are_none_are_told_what_is_one(text: str) -> None:
    error = refused(f"created_at:{text}")
    assert (error.code, error.position) == ("bad-value", 11)
    assert error.message.startswith(f'"{text}" is no moment')


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("hosst:x", ("hostname",)),
        ("satus:failed", ("status",)),
        ("Status:failed", ("status",)),
        ("projectname:x", ("project_name",)),
        ("project-name:x", ("project_name",)),
        ("err:x", ("error_message", "error_class")),
        ("create:>now", ("created_at",)),
        ("_exists_:arhc", ("arch",)),
        # Keys of metadata that were taken for fields
        ("cpuCores:4", ("metadata.cpuCores",)),
        ("docker.image:x", ("metadata.docker.image",)),
        ("metdata.cpuCores:4", ("metadata.cpuCores",)),
        ("meta.cpu.cores:4", ("metadata.cpu.cores",)),
        ("Metadata.cpu:4", ("metadata.cpu",)),
        ("user.email:x", ("user_email", "metadata.user.email")),
        # Fields and statuses as others call them
        ("state:failed", ("status",)),
        ("exception:x", ("error_class",)),
        ("finished_at:now", ("completed_at", "failed_at")),
        ("status:running", ("processing",)),
        ("status:error", ("failed", "dead_letter")),
        ("waits_for:error", ()),
        ("x" * 100 + ":1", ()),
        # Values of fields that have no others
        ("status:faild", ("failed",)),
        ("status:dead", ("dead_letter",)),
        ("status:dead-letter", ("dead_letter",)),
        ("status:canceled", ("cancelled",)),
        ("status:xyz", ()),
        ("waits_for:job", ("jobs",)),
        ("deleted:yes", ("true", "false")),
        ("aa and bb", ("AND",)),
    ],
)
def test_what_may_have_been_meant_is_said(query: str, expected: tuple[str, ...]) -> None:
    assert refused(query).suggestions == expected


def test_every_suggestion_can_be_asked() -> None:
    for name in (*suggestions._FIELDS, *suggestions._VALUES):
        assert all(like in NAMES for like in suggestions._FIELDS.get(name, ()))
        assert all(like in Status.values for like in suggestions._VALUES.get(name, ()))
    for name in NAMES:
        for typed in (name[:-1], name[1:], name + "x", name.upper()):
            if typed not in NAMES:
                assert all(like in NAMES or like.startswith("metadata.") for like in refused(f"{typed}:x").suggestions)

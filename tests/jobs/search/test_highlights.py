from typing import Any

import pytest

from jobs.models import Job
from jobs.search.highlights import BEFORE, LONGEST, MOST, highlighter
from jobs.search.language.parsing import parse


def shown(q: str, **columns: Any) -> dict[str, list[str]]:
    """Give what is marked in each field."""
    pieces = highlighter(parse(q))(Job(**columns))
    return {piece.field: [piece.text[begin:end] for begin, end in piece.spans] for piece in pieces}


def test_marks_every_place_whatever_its_case() -> None:
    assert shown("Reset", error_message="RESET by peer, then reset") == {"error_message": ["RESET", "reset"]}
    assert shown('"b\u3000c"', job_type="a B C d") == {"job_type": ["B C"]}
    assert shown("straße", error_message="STRAẞE") == {"error_message": ["STRAẞE"]}


def test_marks_places_that_overlap_as_one() -> None:
    assert shown("abc bcd", error_message="xabcdx") == {"error_message": ["abcd"]}


def test_shows_the_text_around_the_first_place() -> None:
    (piece,) = highlighter(parse("needle"))(Job(error_message="a" * 5_000 + "needle" + "b" * 5_000))

    assert len(piece.text) == LONGEST
    assert piece.spans == ((BEFORE, BEFORE + len("needle")),)


def test_places_beyond_the_piece_are_left_out_and_one_at_its_end_is_cut() -> None:
    text = "needle" + "x" * (LONGEST - 9) + "needle" + "x" * 500 + "needle"
    (piece,) = highlighter(parse("needle"))(Job(error_message=text))

    assert piece.spans == ((0, 6), (LONGEST - 3, LONGEST))


@pytest.mark.parametrize(
    "q", ["NOT reset", "-reset", "status:pending", "priority:5", "created_at:now/d", "*:*", "_exists_:arch"]
)
def test_what_is_excluded_or_tells_nothing_is_not_marked(q: str) -> None:
    assert shown(q, error_message="reset", arch="arm64") == {}


def test_marks_whole_values_that_were_asked_for() -> None:
    job = {"hostname": "build-7", "tags": ["night", "day"], "error_details": {"error_class": "ValueError"}}

    assert shown("hostname:build* OR hostname:other", **job) == {"hostname": ["build-7"]}
    assert shown("tags:ni*", **job) == {"tags": ["night"]}
    assert shown("error_class:ValueError arch:x", **job) == {"error_class": ["ValueError"]}
    assert shown("hostname:bild-7~", **job) == {"hostname": ["build-7"]}


def test_words_are_marked_in_strings_of_metadata() -> None:
    metadata = {"a": {"b": ["Rack 1", "shelf"]}, "n": 5, "rack": "no"}

    assert shown("rack", metadata=metadata) == {"metadata.a.b": ["Rack"]}


def test_a_job_has_a_few_pieces_at_most() -> None:
    metadata = {f"k{number}": "rack" for number in range(100)}

    assert len(shown("rack", metadata=metadata)) == MOST

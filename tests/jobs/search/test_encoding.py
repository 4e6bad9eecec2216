"""What is written for the engine compares there as the values do here."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.search.encoding import entry, micros, number, pairs
from jobs.search.language.fields import HEAD, TEXT_HEAD
from jobs.search.language.folding import fold, variants
from tests.jobs.search import trees

NUMBERS = trees.numbers | st.decimals(allow_nan=False, allow_infinity=False) | st.integers().map(Decimal)
MOMENTS = trees.moments | st.datetimes(timezones=st.just(UTC))
#: Every character that may be stored; PostgreSQL has no NUL, nobody has half a surrogate pair.
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@given(NUMBERS, NUMBERS)
def test_numbers_compare_as_their_codes_do(one: Decimal, other: Decimal) -> None:
    assert (number(one) < number(other)) == (one < other)
    assert (number(one) == number(other)) == (one == other)


@given(trees.numbers.filter(bool), st.integers(1, 30))
def test_numbers_with_more_digits_sort_beside_what_they_begin_with(value: Decimal, more: int) -> None:
    """A stored number may have more digits than any query; its code is cut, and still on the right side."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    longer = Decimal((sign, (*digits, *(HEAD * [0]), *(more * [7])), exponent - HEAD - more))
    assert (number(longer) > number(value)) == (longer > value)
    assert number(longer) != number(value)


def test_a_number_has_one_code_however_it_is_written() -> None:
    assert {number(Decimal(text)) for text in ("4", "4.0", "4.00", "0.4e1", "40e-1")} == {number(Decimal(4))}
    assert {number(Decimal(text)) for text in ("0", "-0", "0.0", "0e9")} == {number(Decimal(0))}


def test_values_of_different_types_have_different_entries() -> None:
    values: list[str | bool | Decimal] = ["true", True, "1", Decimal(1), "4", Decimal(4)]
    assert len({entry(("a",), value) for value in values}) == len(values)
    assert len(entry(("a",), "x" * 5_000)) == len("s:a\x1f") + HEAD + 1


@given(MOMENTS, MOMENTS)
def test_moments_are_exact_and_in_order(one: datetime, other: datetime) -> None:
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros(one)) == one
    assert (micros(one) < micros(other)) == (one < other)


@given(TEXTS, TEXTS)
def test_a_phrase_of_pairs_is_a_piece_of_the_text(text: str, piece: str) -> None:
    if len(piece) < 2:
        return
    for whole in (text, text + piece, piece + text):
        words, wanted = pairs(whole).split(), pairs(piece).split()
        in_a_row = any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))
        assert in_a_row == (fold(piece) in fold(whole))


@pytest.mark.parametrize(
    ("text", "words"),
    [("", ""), ("x", "x"), ("ab", "ab"), ("a B", "a␣ ␣b"), ("a\n\tb", "a␣ ␣␣ ␣b"), (" \n", "␣␣"), ("a␣b", "a␣ ␣b")],
)
def test_pairs_overlap_and_hold_no_white_space(text: str, words: str) -> None:
    assert pairs(text) == words


def test_no_more_of_a_text_is_searched_than_is_said() -> None:
    assert pairs("x" * TEXT_HEAD + "needle") == pairs("x" * TEXT_HEAD)


@given(TEXTS)
def test_a_folded_text_is_as_long_and_stays_as_it_is(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


def test_variants_are_all_that_become_a_character() -> None:
    several = {character for character in map(chr, range(0x1F000)) if fold(character) != character}
    assert all(character in variants(fold(character)) for character in several)
    rest = "".join(map(chr, range(0x1F000, 0x110000)))
    assert rest.lower() == rest.casefold() == rest
    assert set(variants("k")) == {"k", "K", "\u212a"}
    assert variants("1") == "1"

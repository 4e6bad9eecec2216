"""Summaries that are quotations."""

import time

import pytest

from jobs.articles.validation import faults
from tests.jobs.articles.test_validation import JAPANESE, SOURCE

QUOTED = SOURCE.split(". ")[0] + "."


def codes(summary: str, source: str = SOURCE, **options: bool) -> list[str]:
    return [reason.code for reason in faults(summary, source, **options)]  # type: ignore[arg-type]


def test_a_sentence_of_the_source_is_a_copy_only_where_own_words_are_wanted() -> None:
    assert codes(QUOTED, own_words=True) == ["copied"]
    assert codes(QUOTED) == []


@pytest.mark.parametrize(
    "summary",
    [
        "In March 2024 Ghent's council decided to plant 1,500 trees, and the mayor called the plan a gift to the next "
        "generation.",
        "Shade, at last: along the river of Ghent, trees will grow. The council wants 1,500.",
    ],
)
def test_a_phrase_of_the_source_is_no_copy(summary: str) -> None:
    assert codes(summary, own_words=True) == []


def test_spaces_and_capitals_hide_no_copy() -> None:
    assert codes(QUOTED.upper().replace(" ", "\n"), own_words=True) == ["copied"]


def test_japanese_is_measured_by_its_own_length() -> None:
    first = JAPANESE.split("。")[0] + "。"
    assert "copied" in codes(first, JAPANESE, own_words=True)
    assert codes("ヘント市議会は川沿いに1500本の木を植えると決めた。", JAPANESE, own_words=True) == []


def test_a_short_source_may_be_its_own_summary() -> None:
    assert codes(QUOTED, QUOTED + " The mayor agreed.", own_words=True) == []


def test_the_longest_article_is_compared_in_time() -> None:
    source = (SOURCE + " ") * 350
    begin = time.monotonic()
    codes("The council of Ghent decided on " * 18, source, own_words=True)
    codes("x" * 700 + ".", "x" * 150_000, own_words=True)
    assert time.monotonic() - begin < 2

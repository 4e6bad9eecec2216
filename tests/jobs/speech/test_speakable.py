"""Texts as they are said."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.speech.pieces import cut_to, pieces, weight
from jobs.speech.speakable import speakable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# A **bold** heading", "A bold heading."),
        ("- one\n- two\n1. three", "one.\ntwo.\nthree."),
        ("> quoted _softly_, in snake_case", "quoted softly, in snake_case."),
        ("Use `pip install` now!", "Use pip install now!"),
        ("Before\n```\nx = 1\n```\nafter.", "Before.\nafter."),
        ("![A runner](a.png) runs.", "A runner runs."),
        ('See [the rules](https://example.org/a_(b)?x=1 "Rules").', "See the rules."),
        ("See https://www.example.org/a/b?c=d#e.", "See example.org."),
        ("<b>Fat</b><br/>free", "Fat free."),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b.\n1, 2."),
        ("It rose 12% to $1,234.50 & fell.", "It rose 12 percent to 1234.50 dollars and fell."),
        ("From 1990–2000, at 25°C.", "From 1990 to 2000, at 25 degrees Celsius."),
        ("Fun 😀 for all 👨‍👩‍👧", "Fun for all."),
        ("Items: → next", "Items:, next."),
        ("\x00\u202e\ufeffplain\x07", "plain."),
        ("... --- !!!", ""),
    ],
)
def test_english_is_said_in_words(text: str, said: str) -> None:
    assert speakable(text, "en") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## 駅伝とは\n**駅伝**は１９１７年に始まった。", "駅伝とは。\n駅伝は1917年に始まった。"),
        ("売上は¥1,200,000、12％増", "売上は1200000円、12パーセント増。"),
        ("詳しくはhttps://example.jp/ekidenを参照。", "詳しくはexample.jpを参照。"),
        ("１９９０〜２０００年、気温は25°C。", "1990から2000年、気温は25度。"),
        ("・一つ目\n・二つ目", "一つ目。\n二つ目。"),
        ("『走れメロス』だ！", "『走れメロス』だ！"),
    ],
)
def test_japanese_is_said_in_words(text: str, said: str) -> None:
    assert speakable(text, "ja") == said


def test_a_language_without_words_of_ours_keeps_its_signs() -> None:
    assert speakable("Das sind **12 %** von 5 €.", "de") == "Das sind 12 % von 5 €."


@pytest.mark.parametrize(
    "piece", ["*a ", "`a `", "[a](", "![", "<a ", "```a\n", "_a", "http://", "1,111", " ,", "| ", "~~a"]
)
def test_no_text_takes_long(piece: str) -> None:
    began = time.process_time()
    speakable(piece * 40_000, "en")
    assert time.process_time() - began < 5


@given(st.text(max_size=300), st.sampled_from(["en", "ja", "de", None]))
@settings(max_examples=60, deadline=None)
def test_whatever_is_said_is_finished_lines_without_controls(text: str, language: str | None) -> None:
    said = speakable(text, language)
    assert all(line.strip() == line and line for line in said.split("\n")) or said == ""
    assert not any(char < " " and char != "\n" for char in said)
    said.encode()


@given(st.text(alphabet="ab .!?。、あ\n漢", max_size=400), st.integers(8, 60))
@example("、、?、.。、。", 8)
@settings(max_examples=80, deadline=None)
def test_pieces_lose_nothing_and_weigh_no_more_than_allowed(text: str, most: int) -> None:
    found = pieces(text, most)
    assert all(0 < weight(piece) <= most for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(st.text(alphabet="ab .!?。、あ\n漢", max_size=400), st.integers(8, 400))
@settings(max_examples=60, deadline=None)
def test_what_is_cut_is_a_beginning(text: str, most: int) -> None:
    kept = cut_to(text, most)
    assert weight(kept) <= most
    assert "".join(text.split()).startswith("".join(kept.split()))

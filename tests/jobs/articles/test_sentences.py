import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.articles.sentences import cut, is_boundary, is_finished, joined, sentences


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("One. Two! Three? Four…", ["One.", "Two!", "Three?", "Four…"]),
        ("He said “stop.” Then he left.", ["He said “stop.”", "Then he left."]),
        ("Dr. Smith paid 3.50 euros, e.g. for tea. No. 7 was free.", None),
        ("It began on 3. Mai 1999. Then it rained.", ["It began on 3. Mai 1999.", "Then it rained."]),
        ("1.6. Lifecycle of a release", ["1.6. Lifecycle of a release"]),
        ("Ce n'est pas le cas... surtout ici. Fin.", ["Ce n'est pas le cas... surtout ici.", "Fin."]),
        ("See example.org for more. Bye.", ["See example.org for more.", "Bye."]),
        ("猫だ。犬か？鳥！終わり", ["猫だ。", "犬か？", "鳥！", "終わり"]),
        ("彼は「行く。帰る。」と言った。雨だ。", ["彼は「行く。帰る。」と言った。", "雨だ。"]),
        ("「行く。」彼は立った。", ["「行く。」", "彼は立った。"]),
        ("閉じない「括弧。次の文。", ["閉じない「括弧。", "次の文。"]),
        ("w3mは，軽い．値は２．５だ．終わり．", ["w3mは，軽い．", "値は２．５だ．", "終わり．"]),
        ("mknmz が Out of memory! というエラーを出す。", ["mknmz が Out of memory! というエラーを出す。"]),
        ("이것은 문장이다. 저것도 문장이다.", ["이것은 문장이다.", "저것도 문장이다."]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_a_paragraph_falls_into_its_sentences(paragraph: str, expected: list[str] | None) -> None:
    if expected is None:
        expected = ["Dr. Smith paid 3.50 euros, e.g. for tea.", "No. 7 was free."]
    assert sentences(paragraph) == expected


def test_quotation_marks_after_the_end_belong_to_the_sentence() -> None:
    assert is_finished("「行く。」")
    assert is_finished("He said “stop.”")
    assert not is_finished("例えば，")
    assert not is_finished("")


def test_sentences_are_joined_as_each_script_does() -> None:
    assert joined(["One.", "Two."]) == "One. Two."
    assert joined(["猫だ。", "犬だ。"]) == "猫だ。犬だ。"
    assert joined(["終わり。", "The end."]) == "終わり。The end."


def test_a_cut_is_made_between_words_or_clauses_and_shows() -> None:
    assert cut("The quick brown fox jumps over the lazy dog", 20) == "The quick brown fox…"
    assert cut("東京都庁は新宿にあり、都民は自由に入ることができる", 16) == "東京都庁は新宿にあり…"
    assert cut("short", 20) == "short"


FAMILY = "👩‍👩‍👧‍👦"


@pytest.mark.parametrize(
    "cluster", [FAMILY, "👍🏽", "🇯🇵", "e\u0301", "か\u3099", "\u1112\u1161\u11ab", "✈\ufe0f", "क्षि"[:2]]
)
def test_one_visible_character_is_never_parted(cluster: str) -> None:
    text = "x" + cluster * 3 + "y"
    edges = {1 + len(cluster) * n for n in range(4)} | {0, len(text)}
    assert {index for index in range(len(text) + 1) if is_boundary(text, index)} == edges
    for limit in range(2, len(text)):
        shortened = cut(text, limit)
        kept = shortened.removesuffix("…")
        assert len(shortened) <= limit
        assert kept == "x" or (len(kept) - 1) % len(cluster) == 0


@given(st.text(max_size=200))
def test_nothing_is_lost_or_made_up(paragraph: str) -> None:
    assert "".join("".join(sentences(paragraph)).split()) == "".join(paragraph.split())


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400), st.integers(2, 100))
def test_a_cut_keeps_the_limit_and_the_beginning(text: str, limit: int) -> None:
    shortened = cut(text, limit)
    assert len(shortened) <= limit
    assert text.startswith(shortened.removesuffix("…")) or text == shortened
    kept = shortened.removesuffix("…")
    after = text[len(kept) : len(kept) + 1]
    assert shortened == text or len(kept) <= 1 or not after or unicodedata.category(after) not in {"Mn", "Mc", "Me"}

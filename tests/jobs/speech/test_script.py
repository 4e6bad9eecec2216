"""Scripts: by a language model where one may be asked, else put together of what is there."""

from decimal import Decimal
from typing import Any

import pytest

from jobs.ai.texts import GeneratedText
from jobs.speech import script
from jobs.speech.exceptions import NothingToSay
from jobs.speech.pieces import weight
from jobs.speech.script import MOST, Material, local, write

ENGLISH = Material("Ekiden.", "Ekiden is a relay race. It was first run in 1917.", "All of the text.", "en")
JAPANESE = Material("駅伝の歴史", "駅伝は1917年に始まった。", "本文。", "ja")


def written(material: Material) -> script.Script:
    return write(material, user_id=None, job_id=None, deadline=5)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A language model that answers what `answer` says, and notes what it was asked."""
    asked: list[dict[str, Any]] = []

    def generate(instructions: str, content: str, **how: Any) -> GeneratedText | None:
        asked.append({"instructions": instructions, "content": content, **how})
        said = answers.pop(0)
        return None if said is None else GeneratedText(said, "groq", "m-1", 900, 300, Decimal("0.001"))

    monkeypatch.setattr(script, "generate_text", generate)
    return asked


answers: list[str | None] = []


def test_an_english_script_has_a_beginning_and_an_end() -> None:
    found = local(ENGLISH, "en")
    assert found.text.split("\n") == [
        "Here is a summary of Ekiden.",
        "Ekiden is a relay race. It was first run in 1917.",
        "That was Ekiden. Thank you for listening.",
    ]
    assert (found.language, found.writer, found.cut) == ("en", "local", False)


def test_a_japanese_one_has_them_too() -> None:
    assert local(JAPANESE, "ja").text.split("\n") == [
        "「駅伝の歴史」の要約をお届けします。",
        "駅伝は1917年に始まった。",
        "以上、「駅伝の歴史」でした。お聞きいただき、ありがとうございました。",
    ]


def test_a_text_without_a_summary_is_read_out_itself() -> None:
    assert local(Material("Ekiden", "", "It is run in **teams**.", "en"), "en").text.startswith(
        "This is Ekiden.\nIt is run in teams.\nThat was"
    )
    assert local(Material("", "", "It is run in teams.", "en"), "en").text == "It is run in teams."


def test_a_language_that_is_not_known_here_has_the_title_alone() -> None:
    assert local(Material("Der Staffellauf", "Er beginnt in Kyoto.", "", "de"), "de").text == (
        "Der Staffellauf.\nEr beginnt in Kyoto."
    )


def test_the_language_is_that_of_the_text_unless_it_is_said() -> None:
    assert written(Material("", "", "駅伝は、たすきをつないで走る競技です。", None)).language == "ja"
    assert written(Material("", "", "Hm.", None)).language == "en"
    assert written(Material("", "", "O revezamento.", "pt-BR")).language == "pt"


def test_nobody_here_translates_so_words_keep_the_voice_of_their_language() -> None:
    japanese = "駅伝は、たすきをつないで走る競技です。"
    assert written(Material("", "", japanese, "en")).language == "ja"
    assert (
        written(Material("", "", "Ekiden is a relay race, and each runner hands over the sash.", "ja")).language == "en"
    )
    # Too short to tell, or told by neighbours.
    assert written(Material("", "", "箱根駅伝開催。", "ja")).language == "ja"
    assert written(Material("", "", "Ekiden.", "de")).language == "de"
    assert written(Material("", "", "Stafetten er et løp, og det er for alle som vil.", "no")).language == "no"


@pytest.mark.parametrize(
    ("sentence", "language"), [("Each runner hands over the sash. ", "en"), ("走者がたすきを渡す。", "ja")]
)
def test_a_long_text_is_cut_behind_a_sentence(sentence: str, language: str) -> None:
    found = local(Material("Title", "", sentence * 2_000, language), language)
    assert found.cut
    assert MOST - 200 < weight(found.text) <= MOST
    assert found.text.split("\n")[1].endswith(sentence.strip())


@pytest.mark.parametrize("text", ["", " \n ", "```\nx\n```", "---", "😀😀"])
def test_without_words_there_is_nothing_to_say(text: str) -> None:
    with pytest.raises(NothingToSay):
        written(Material("A title", "", text, "en"))


def test_a_model_is_told_the_language_and_given_the_material_as_data(model: list[dict[str, Any]]) -> None:
    said = "Today we talk about **Ekiden**, the relay race of Japan. It was first run in 1917, from Kyoto to Tokyo."
    answers[:] = [said]
    found = written(ENGLISH)
    assert (found.text, found.writer) == (said.replace("*", ""), "groq")
    (asked,) = model
    assert "with\nthe code en" in asked["instructions"] and "Ekiden" not in asked["instructions"]
    assert asked["content"] == "Ekiden.\n\nEkiden is a relay race. It was first run in 1917.\n\nAll of the text."
    assert (asked["purpose"], asked["deadline"]) == ("podcast", 5)


@pytest.mark.parametrize(
    "said",
    [None, "", "I cannot help with that.", "今日は駅伝についてお話しします。" * 9],
    ids=["none", "empty", "refused", "ja"],
)
def test_what_a_model_says_amiss_is_not_read_out(model: list[dict[str, Any]], said: str | None) -> None:
    answers[:] = [said]
    assert written(ENGLISH) == local(ENGLISH, "en")
    assert len(model) == 1


def test_a_model_that_goes_on_and_on_is_cut(model: list[dict[str, Any]]) -> None:
    answers[:] = ["The runners of the race hand over the sash to the next one. " * 400]
    found = written(ENGLISH)
    assert found.cut and weight(found.text) <= MOST

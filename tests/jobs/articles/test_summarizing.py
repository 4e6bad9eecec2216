from pathlib import Path

import pytest

from jobs.articles.decoding import decode
from jobs.articles.exceptions import NoTextFound
from jobs.articles.extraction import extract
from jobs.articles.languages import detect
from jobs.articles.sentences import is_finished
from jobs.articles.summarizing import LENGTHS, Length, summarize_text
from jobs.articles.validation import faults
from tests.jobs.articles.conftest import PAGES

NAMES = sorted(path.name for path in PAGES.glob("*.html"))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_real_page_is_summarized_in_whole_sentences_of_its_own(pages: Path, name: str, length: Length) -> None:
    article = extract(decode((pages / name).read_bytes())[0])
    summary = summarize_text(article.text, length=length)
    assert 60 < len(summary.text) <= LENGTHS[length]
    assert is_finished(summary.text)
    assert summary.language == article.language == detect(summary.text)
    beginning = summary.text[:15].rstrip("…")
    assert beginning in article.text
    assert faults(summary.text, article.text, length=length) == []


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        (
            "postgresql-mvcc-intro.en.html",
            "PostgreSQL provides a rich set of tools for developers to manage concurrent access to data. Internally, "
            "data consistency is maintained by using a multiversion model (Multiversion Concurrency Control, MVCC).",
        ),
        (
            # The heading "1.6. Lifecycle of a Release" is no sentence.
            "debian-handbook-release-lifecycle.en.html",
            "The project will simultaneously have three to six different versions of each program, named Experimental, "
            "Unstable, Testing, Stable, Oldstable, and even Oldoldstable. Each one corresponds to a different phase in "
            "development.",
        ),
        (
            # Nor is the banner above the article.
            "apache-stopping.de.html",
            "Dieses Dokument umfasst das Beenden und Neustarten des Apache auf Unix-ähnlichen Systemen.",
        ),
        (
            "debian-handbook-compromised-machine.fr.html",
            "Malgré toute la bonne volonté et tout le soin apporté à la politique de sécurité, tout administrateur "
            "informatique est tôt ou tard confronté à un acte de piratage. Cette section donne des lignes directrices "
            "pour bien réagir face à ces fâcheux événements.",
        ),
    ],
)
def test_the_summary_is_the_beginning_cut_at_a_sentence(pages: Path, name: str, summary: str) -> None:
    article = extract(decode((pages / name).read_bytes())[0])
    assert summarize_text(article.text).text == summary


def test_japanese_is_cut_at_its_own_full_stops(pages: Path) -> None:
    story = extract(decode((pages / "w3m-story.ja.html").read_bytes())[0])
    summary = summarize_text(story.text).text
    assert summary.startswith("w3mは，WWWに対応したページャ/ブラウザで，テキストベースで動く．w3mに最も近い")
    assert summary.endswith(("．", "？"))
    assert "． " not in summary


def test_the_wanted_language_is_chosen_from_a_page_in_two(pages: Path) -> None:
    duties = extract(decode((pages / "developers-reference-duties.ja.html").read_bytes())[0]).text
    assert summarize_text(duties, language="ja").text.startswith("より具体的には、パッケージがテスト版")
    english = summarize_text(duties, language="en")
    assert english.text.startswith("As a package maintainer, you're supposed to provide high-quality packages")
    assert english.language == "en"
    # Nothing of it is in French, so it stays what it is and says so.
    assert summarize_text(duties, language="fr").language == "ja"


def test_one_foreign_sentence_does_not_stand_for_the_article() -> None:
    text = "The old man looked at the sea and was silent. " * 20 + "吾輩は猫である。"
    assert summarize_text(text, language="ja").language == "en"


def test_the_length_is_a_limit() -> None:
    text = " ".join(f"This is the sentence number {number} of the text." for number in range(1, 100))
    short, medium, long = (summarize_text(text, length=length).text for length in LENGTHS)
    assert len(short) <= 150 < len(medium) <= 300 < len(long) <= 600
    assert long.startswith(medium)
    assert medium.startswith(short)
    assert all(part.endswith("of the text.") for part in (short, medium, long))


@pytest.mark.parametrize("text", ["word " * 200, "言" * 400, "flags" + "🇯🇵" * 300, "a" * 1000])
def test_a_first_sentence_without_an_end_is_cut(text: str) -> None:
    summary = summarize_text(text).text
    assert len(summary) <= 300
    assert summary.endswith("…")


def test_a_text_of_headings_only_is_better_than_nothing() -> None:
    assert summarize_text("Rain in Rome\nSnow in Oslo").text == "Rain in Rome Snow in Oslo"


@pytest.mark.parametrize("text", ["", "\n\n", "... — !"])
def test_no_text_no_summary(text: str) -> None:
    with pytest.raises(NoTextFound):
        summarize_text(text)

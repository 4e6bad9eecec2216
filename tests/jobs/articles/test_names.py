"""Names that a summary has and its source has not: told where they are made up, and never where they are not."""

from functools import cache

import pytest

from jobs.articles.decoding import decode
from jobs.articles.extraction import extract
from jobs.articles.names import unknown_names
from jobs.articles.summarizing import LENGTHS, summarize_text
from jobs.articles.validation import faults
from tests.jobs.articles.conftest import PAGES

#: Written by people from the fixtures' pages, in their own words.
OWN_WORDS = {
    "debian-handbook-release-lifecycle.en.html": (
        "A Debian package wanders from Experimental through Unstable and Testing to Stable. Maintainers upload to "
        "Unstable, where autobuilders compile it. However, only Testing leads to a release."
    ),
    "postgresql-mvcc-intro.en.html": (
        "Thanks to MVCC, readers of a PostgreSQL database never block writers. Every SQL statement sees a snapshot. "
        "Postgres also has table locks, and advisory ones that belong to no transaction."
    ),
    "python-faq-general.en.html": (
        "Guido van Rossum began Python at CWI, inspired by ABC and by Amoeba's needs. Named after Monty Python, it is "
        "free software that the PSF protects. Many universities teach it."
    ),
    "debian-handbook-compromised-machine.fr.html": (
        "Même bien protégée, une machine peut être piratée. Il faut alors la déconnecter du réseau, garder les preuves "
        "et réinstaller le système. L'analyse avec Sleuthkit ou Autopsy montre ce que les pirates ont fait."
    ),
    "apache-stopping.de.html": (
        "Der Apache wird über Signale an den Elternprozess gesteuert: TERM beendet ihn sofort, HUP startet ihn neu, "
        "und USR1 lässt laufende Anfragen zu Ende gehen. Auch der Befehl httpd kann diese Aufgabe übernehmen."
    ),
    "w3m-story.ja.html": (
        "w3mはテキストで動く軽いブラウザで、Lynxの代わりではなく手軽に使うために作られた。もとになったのは、研究用プログラムの"
        "デバッグのために著者が書いたページャfmである。"
    ),
    "developers-reference-duties.ja.html": (
        "Debianのメンテナは、テスト版への移行を見守り、安定版のセキュリティ問題に協力し、引退するときはパッケージを手放す。"
    ),
}
ENGLISH = (
    "Angela Merkel met the World Health Organization in Geneva on Monday. The chancellor praised the Japanese "
    "delegation of Kenji Sato, who works for NATO. José Álvarez of McKinsey wrote the paper, which is to "
    "appear in The Lancet."
)
JAPANESE = (
    "鈴木一郎さんは昨年、大阪府の東京電力支社を訪れた。アンゲラ・メルケル首相と会談し、早稲田大学の佐藤教授も同席した。"
    "米国の企業グーグルはこの計画に反対している。各社の反応はさまざまである。"
)


@cache
def text_of(name: str) -> str:
    return extract(decode((PAGES / name).read_bytes(), None)[0]).text


@pytest.mark.parametrize("name", sorted(path.name for path in PAGES.glob("*.html")))
def test_what_is_taken_from_a_page_has_no_name_that_is_not_in_it(name: str) -> None:
    for length in LENGTHS:
        for language in (None, "en", "ja", "fr"):
            summary = summarize_text(text_of(name), length=length, language=language)
            assert faults(summary.text, text_of(name), language=summary.language, length=length) == []


@pytest.mark.parametrize("name", OWN_WORDS)
def test_a_fair_summary_in_own_words_passes(name: str) -> None:
    assert faults(OWN_WORDS[name], text_of(name), own_words=True) == []


@pytest.mark.parametrize(
    ("summary", "unknown"),
    [
        ("The chancellor Merkel met Tedros Adhanom in Geneva.", ["Tedros", "Adhanom"]),
        ("Merkel's visit to Geneva was praised by the WHO.", []),
        ("The visit was praised by UNESCO and by IBM.", ["UNESCO", "IBM"]),
        ("In Geneva, the chancellor of Germany met Japan's delegation.", ["Germany"]),
        ("On Tuesday the paper of Jose Alvarez appeared.", []),
        ("Yesterday she said: “Nothing is lost.” Researchers agreed - Some did not.", []),
        ("The North Atlantic Treaty Organization employs Sato.", []),
        ("It is from McKinsey, not from McDonald.", ["McDonald"]),
        ("Chancellor Praises The Work Of Everybody At Home", []),
    ],
)
def test_names_in_latin_letters(summary: str, unknown: list[str]) -> None:
    assert unknown_names(summary, ENGLISH, "en") == unknown


@pytest.mark.parametrize(
    ("summary", "unknown"),
    [
        ("鈴木さんは大阪で首相と会談した。", []),
        ("田中さんは大阪で首相と会談した。", ["田中さん"]),
        ("メルケル首相は早大の佐藤教授と会った。", []),
        ("トランプ大統領は佐藤教授と会った。", ["トランプ大統領"]),
        ("エマニュエル・マクロンも同席した。", ["エマニュエル・マクロン"]),
        ("アンゲラ・メルケルも同席した。", []),
        ("京都大学は計画に賛成した。", ["京都大学", "京都"]),
        ("アメリカの企業は反対した。", []),
        ("ロシアの企業は反対した。", ["ロシア"]),
        ("各社の社長と同大学の教授は、サービスのコンピューターについて話した。", []),
        ("企業Amazonは反対した。", ["Amazon"]),
    ],
)
def test_names_in_japanese(summary: str, unknown: list[str]) -> None:
    assert unknown_names(summary, JAPANESE, "ja") == unknown


def test_names_are_a_reason_with_a_sentence() -> None:
    (reason,) = faults("The chancellor praised the delegation of Tedros Adhanom in Geneva.", ENGLISH * 3)
    assert reason.code == "names"
    assert reason.detail == "Names that the source does not contain: Tedros, Adhanom."


def test_in_a_translation_no_name_can_be_told() -> None:
    assert (
        faults("Angela Merkel traf Tedros Adhanom in Genf, und der Besuch wurde gelobt.", ENGLISH, language="de") == []
    )


def test_german_nouns_are_no_names() -> None:
    source = "Der Rat der Stadt hat am Montag beschlossen, entlang der Ufer mehr Bäume zu pflanzen. " * 4
    assert unknown_names("Die Verwaltung plant eine Allee am Wasser.", source, "de") == []
    assert unknown_names("Die Verwaltung und der ADAC planen eine Allee.", source, "de") == ["ADAC"]


def test_a_hostile_summary_is_judged_in_time() -> None:
    for summary in ("Aa " * 80_000, "A" * 250_000, "王さん" * 80_000, "ア・" * 100_000, "ア" * 250_000, "'A" * 100_000):
        faults(summary, ENGLISH * 100)

import json
import time
from pathlib import Path

import pytest

from jobs.articles.decoding import decode
from jobs.articles.exceptions import NoTextFound, PageTooLarge
from jobs.articles.extraction import LONGEST_TEXT, Article, extract, extract_plain

SENTENCE = "The quick brown fox jumps over the lazy dog, and everybody in the village was told of it. "


def read(path: Path) -> Article:
    return extract(decode(path.read_bytes())[0])


# Real pages: known sentences of the article are there, and what stands around it is not.
REAL = [
    (
        "debian-handbook-release-lifecycle.en.html",
        "1.6. Lifecycle of a Release",
        "en",
        [
            "a look at a program's journey, from its initial packaging to inclusion in a stable version of Debian.",
            "First let us take a look at the particular case of the Experimental distribution",
        ],
        ["Prev", "Documentation", "Copyright"],
    ),
    (
        "debian-handbook-compromised-machine.fr.html",
        "14.7. En cas de piratage",
        "fr",
        ["tout administrateur informatique est tôt ou tard confronté à un acte de piratage."],
        ["Précédent", "Suivant", "Copyright"],
    ),
    (
        "developers-reference-duties.ja.html",
        "3. Debian 開発者の責務",
        "ja",
        [
            "より具体的には、パッケージがテスト版 (testing) に移行しているかどうかを見守る必要があります",
            "Providing high-quality packages in unstable is not enough; most users will only benefit",
        ],
        ["¶", "クイック検索", "前のトピックへ"],
    ),
    (
        "postgresql-mvcc-intro.en.html",
        "13.1. Introduction",
        "en",
        ["PostgreSQL provides a rich set of tools for developers to manage concurrent access to data."],
        ["Prev", "Home", "Up"],
    ),
    (
        "python-faq-general.en.html",
        "General Python FAQ",
        "en",
        ["Python is an interpreted, interactive, object-oriented programming language."],
        ["¶", "Report a Bug", "Next topic", "Quick search"],
    ),
    (
        "apache-stopping.de.html",
        "Beenden und Neustarten",
        "de",
        [
            "Dieses Dokument umfasst das Beenden und Neustarten des Apache auf Unix-ähnlichen Systemen.",
            "Um den Apache zu stoppen oder neu zu starten, müssen Sie ein Signal an den laufenden httpd-Prozess",
        ],
        ["Verfügbare Sprachen", "Seiten-Map"],
    ),
    (
        "apache-apachectl.ko.html",
        "apache2ctl - 아파치 웹서버 조절 인터페이스",
        "ko",
        ["apache2ctl은 아파치 하이퍼텍스트 전송 프로토콜 (HTTP) 서버의 앞단이다."],
        ["가능한 언어", "Site Map"],
    ),
    (
        "namazu-tips.ja.html",
        "Namazuの豆知識",
        "ja",
        [
            "インデックス作成にはたくさんメモリを必要とします。",
            "また、行末が日本語で終わる場合は改行コードを無視します",
        ],
        ["目次"],
    ),
    (
        "w3m-story.ja.html",
        "w3mの開発について",
        "ja",
        [
            # Straight in the body, without a paragraph; the line breaks of the source are inside these sentences.
            "w3mは，WWWに対応したページャ/ブラウザで，テキストベースで動く．",
            "というわけで，w3mは既存のブラウザ(Netscapeはもちろん，Lynxも)を代替するものではない．",
        ],
        ["aito@fw.ipsj.or.jp"],
    ),
]


@pytest.mark.parametrize(("name", "title", "language", "sentences", "absent"), REAL, ids=[entry[0] for entry in REAL])
def test_a_real_page_gives_its_article(
    pages: Path, name: str, title: str, language: str, sentences: list[str], absent: list[str]
) -> None:
    article = read(pages / name)
    assert (article.title, article.language) == (title, language)
    for sentence in sentences:
        assert sentence in article.text
    lines = article.text.splitlines()
    for word in absent:
        assert not any(line.startswith(word) or line == word for line in lines), word
    assert article.text.count("\ufffd") == 0
    # None of them names an author or a date, and neither is made up from what stands in the text.
    assert (article.author, article.date) == (None, None)


def test_every_page_is_tried_and_has_its_licence_named(pages: Path) -> None:
    files = {path.name for path in pages.glob("*.html")}
    readme = (pages / "README.md").read_text()
    assert files == {entry[0] for entry in REAL}
    assert all(f"| `{name}` |" in readme and f"- `{name}`:" in readme for name in files)


# What a page says of itself


def test_author_date_site_and_language_are_taken_from_the_markup() -> None:
    article = extract(
        f"""<html lang="en-GB"><head><title>A dog's life - The Daily Fox</title>
        <meta name="author" content="Ada Lovelace"><meta property="og:site_name" content="The Daily Fox">
        <meta property="article:published_time" content="2024-02-29T10:00:00+01:00">
        <meta property="og:title" content="A dog's life"></head>
        <body><nav><a href="/">Home</a></nav>
        <article><h1>A dog's life</h1><p>{SENTENCE * 5}</p></article></body></html>"""
    )
    assert (article.title, article.author, article.date) == ("A dog's life", "Ada Lovelace", "2024-02-29")
    assert (article.site, article.language) == ("The Daily Fox", "en")
    assert "Home" not in article.text


@pytest.mark.parametrize(
    ("markup", "date"),
    [
        (
            '<script type="application/ld+json">{"@graph": [{"datePublished": "2023-05-06T07:08:09Z"}]}</script>',
            "2023-05-06",
        ),
        ('<article><time datetime="2022-11-30">yesterday</time></article>', "2022-11-30"),
        ('<meta itemprop="datePublished" content="20211224">', "2021-12-24"),
        ('<meta name="date" content="2021-02-30">', None),
        ('<meta name="date" content="yesterday">', None),
        ("<p>On 2004-11-29 the server was attacked.</p>", None),
        ('<script type="application/ld+json">' + "[" * 100_000 + "</script>", None),
    ],
)
def test_a_date_is_declared_or_unknown(markup: str, date: str | None) -> None:
    assert extract(f"<html><body>{markup}<p>{SENTENCE * 5}</p></body></html>").date == date


def test_the_text_counts_more_than_a_declared_language() -> None:
    assert extract(f'<html lang="fr"><body><p>{SENTENCE * 5}</p></body></html>').language == "en"
    assert extract('<html lang="fr"><body><p>Bonjour 42</p></body></html>').language == "fr"


# Markup of all kinds


def test_what_the_extractor_does_not_find_is_found_without_the_menus() -> None:
    article = extract("<body><nav>Home About</nav><table><tr><td>Rain</td></tr></table><footer>(c)</footer></body>")
    assert "Rain" in article.text
    assert "About" not in article.text


def test_line_breaks_of_the_source_vanish_between_wide_characters_only() -> None:
    text = extract("<body><p>東京都\n  庁は新宿に\nある。All of\nthem were\nthere. 한국어\n문장이다.</p></body>").text
    assert text == "東京都庁は新宿にある。All of them were there. 한국어 문장이다."


def test_control_characters_and_surrogates_never_come_out() -> None:
    article = extract("<title>a\x01b&#0;</title><body><p>one\x00two\ud800 &#xd800;&#1;three\x1f</p></body>")
    shown = json.dumps(article.text + str(article.title), ensure_ascii=True)
    assert not any(escape in shown for escape in ("\\u0000", "\\u0001", "\\u001f", "\\ud8"))
    assert "three" in article.text


@pytest.mark.parametrize(
    "html",
    ["", "  ", "<", "<html></html>", "<body><script>alert(1)</script></body>", "<p>...</p>", "<img src=x>", "\x00"],
)
def test_a_page_without_text_says_so(html: str) -> None:
    with pytest.raises(NoTextFound):
        extract(html)


def test_entities_of_a_document_type_are_not_expanded() -> None:
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "lollollollol"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
        f"<html><body><p>{SENTENCE}&b; &c;</p></body></html>"
    )
    text = extract(bomb).text
    assert "lollollollollol" not in text
    assert "root:" not in text


def test_an_xml_declaration_does_not_matter() -> None:
    assert "fox" in extract(f'<?xml version="1.0" encoding="EUC-JP"?><html><body><p>{SENTENCE}</p></body></html>').text


def test_a_very_long_article_is_cut_after_a_paragraph() -> None:
    article = extract("".join(f"<p>{number} {SENTENCE}</p>" for number in range(3000)))
    assert article.truncated
    assert len(article.text) <= LONGEST_TEXT
    assert article.text.endswith("told of it.")


PATHOLOGICAL = {
    "deep": "<div>" * 100_000 + "text",
    "deep tables": "<table><tr><td>" * 30_000 + "text",
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(100_000)) + ">text</p>",
    "attributes with brackets": "<p " + " ".join(f'a{n}=">"' for n in range(100_000)) + ">text</p>",
    "attributes by slashes": "<p " + "/".join(f"a{n}" for n in range(100_000)) + ">text</p>",
    "attributes without gaps": "<p " + "".join(f'a{n}="1"' for n in range(100_000)) + ">text</p>",
    "open tags": "<a" * 500_000,
    "open quotes": '<p a="' * 300_000,
    "open comment": "<p>text</p><!--" + "-" * 2_000_000,
    "spaces": "<p>a" + " " * 2_000_000 + "b</p>",
    "entities": "<p>" + "&amp;" * 500_000,
    "loose text": "text <div>x</div>" * 20_000,
    "brackets": "<p>" + "「あ。" * 500_000,
    "sentences": "<p>" + "a. " * 900_000,
    "accents": "<p>a" + "\u0301" * 2_000_000,
    "JSON": '<script type="application/ld+json">' + '{"a":' * 100_000 + "</script><p>text</p>",
    "metas": "<meta name=a content=b>" * 50_000 + "<p>text</p>",
    "pilcrows": "<p>text" + "\u00b6" * 200_000,
}


@pytest.mark.parametrize("html", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_no_page_takes_for_ever(html: str) -> None:
    began = time.process_time()
    try:
        extract(html)
    except (NoTextFound, PageTooLarge):
        pass
    assert time.process_time() - began < 15


def test_too_large_a_page_is_refused() -> None:
    for html in ("x" * 3_000_001, "<p>x" * 70_000):
        with pytest.raises(PageTooLarge):
            extract(html)


def test_plain_text_is_its_own_article() -> None:
    article = extract_plain("  Hello   there.\r\n\r\n\r\nThis is the second\x00 paragraph of it, and that is all.  ")
    assert article.text == "Hello there.\nThis is the second paragraph of it, and that is all."
    assert (article.language, article.title, article.extractor) == ("en", None, "plain_text")
    with pytest.raises(NoTextFound):
        extract_plain(" -- \n")

from pathlib import Path

import pytest

from jobs.articles.decoding import decode

JAPANESE = "<p>吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。</p>"


def with_meta(label: str, text: str = JAPANESE) -> str:
    return f'<html><head><meta http-equiv="Content-Type" content="text/html; charset={label}"></head>{text}'


@pytest.mark.parametrize("codec", ["utf-8", "euc_jp", "cp932", "iso2022_jp"])
def test_japanese_is_read_without_any_declaration(codec: str) -> None:
    assert decode(JAPANESE.encode(codec))[0] == JAPANESE


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("Shift_JIS", "cp932"),
        ("x-sjis", "cp932"),
        ("EUC-JP", "euc_jp"),
        ("ISO-2022-JP", "iso2022_jp"),
        ("utf-8", "utf-8"),
    ],
)
def test_the_page_says_its_encoding(label: str, codec: str) -> None:
    text = with_meta(label)
    assert decode(text.encode(codec))[0] == text


@pytest.mark.parametrize(
    "label", ["utf-8", "iso-8859-1", "us-ascii", "x-unknown", "utf-7", "unicode_escape", "hex", ""]
)
def test_a_wrong_or_unusable_declaration_is_overruled(label: str) -> None:
    text = with_meta(label)
    for codec in ("cp932", "euc_jp"):
        assert decode(text.encode(codec))[0] == text
        assert decode(text.encode(codec), charset=label)[0] == text


def test_the_transport_counts_before_the_page() -> None:
    text = with_meta("utf-8", "<p>Ну и что?</p>")
    assert decode(text.encode("koi8_r"), charset="KOI8-R")[0] == text


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_settles_it(codec: str) -> None:
    assert decode(with_meta("shift_jis").encode(codec))[0] == with_meta("shift_jis")


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("<p>Les élèves naïfs — « déjà » où ça ?</p>", "cp1252"),
        ("<p>Größe, Übermut und Füße</p>", "cp1252"),
        ("<p>El niño comió piña mañana</p>", "cp1252"),
    ],
)
def test_western_pages_are_not_taken_for_japanese(text: str, codec: str) -> None:
    assert decode(text.encode(codec))[0] == text


def test_extended_characters_of_windows_are_read_as_browsers_do() -> None:
    assert decode("<p>①㈱髙島屋</p>".encode("cp932"), charset="Shift_JIS")[0] == "<p>①㈱髙島屋</p>"


def test_a_few_broken_bytes_cost_only_themselves() -> None:
    text, encoding = decode((with_meta("euc-jp", JAPANESE * 20)).encode("euc_jp") + b"\xff\xfe\xa4")
    assert encoding == "euc_jp"
    assert text.count("吾輩は猫である") == 20


@pytest.mark.parametrize("body", [b"", b"\x00\xff\xfe\x80", bytes(range(256)) * 100, b"\xef\xbb\xbf", b"\x1b$B"])
def test_it_never_fails(body: bytes) -> None:
    decode(body)
    for label in ("utf-8", "shift_jis", "utf-16", "rot13", "idna", "\x00"):
        decode(body, charset=label)


@pytest.mark.parametrize(
    ("name", "encoding", "word"),
    [
        ("namazu-tips.ja.html", "euc_jp", "Namazuの豆知識"),
        ("apache-apachectl.ko.html", "cp949", "아파치 웹서버"),
        ("w3m-story.ja.html", "utf-8", "テキストベースで動く"),
        ("apache-stopping.de.html", "utf-8", "Beenden und Neustarten"),
    ],
)
def test_real_pages_are_read(pages: Path, name: str, encoding: str, word: str) -> None:
    text, found = decode((pages / name).read_bytes())
    assert (found, word in text, "\ufffd" in text) == (encoding, True, False)

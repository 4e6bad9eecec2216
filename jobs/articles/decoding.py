"""From the bytes of a page to its characters, when what it says of its encoding is absent or wrong."""

import codecs
import re
from typing import Final

# Labels on the web mean what browsers make of them, which is often a superset of the encoding they name. Whatever is
# not here (UTF-7, Python's own escapes …) is never used, however it is spelt.
_CODECS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ms932": "cp932",
    "ms_kanji": "cp932",
    "euc-jp": "euc_jp",
    "x-euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp_2",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "windows-949": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    **{f"iso-8859-{n}": f"iso8859_{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows-125{n}": f"cp125{n}" for n in (0, 1, 3, 4, 5, 6, 7, 8)},
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "tis-620": "cp874",
}

_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.\-]{2,40})""", re.IGNORECASE)
#: As far as browsers look for a declaration, with some grace for long comments at the top.
_HEAD_BYTES: Final = 4096

_KANA_AND_KANJI: Final = re.compile("[\u3041-\u3096\u30a1-\u30fc\u4e00-\u9fff\u3001\u3002\uff0c\uff0e]")
_RARE: Final = re.compile("[\uff61-\uff9f\u0080-\u009f\ue000-\uf8ff]")


def decode(body: bytes, charset: str | None = None) -> tuple[str, str]:
    """Give the text and the name of the encoding; `charset` is what the transport said.

    Never fails: what cannot be read at all becomes replacement characters.
    """
    for bom, codec in _BOMS:
        if body.startswith(bom):
            return body.decode(codec, "replace"), codec.removesuffix("-sig")
    for label in (charset, _declared(body)):
        codec = _CODECS.get((label or "").strip().lower(), "")
        # cp1252 reads nearly anything, so that declaration proves nothing until others have been tried.
        if codec and codec != "cp1252" and (text := _try(body, codec)) is not None:
            return text, codec
    return _guess(body) or _forced(body, charset)


def _declared(body: bytes) -> str | None:
    found = _DECLARED.search(body, 0, _HEAD_BYTES)
    return found[1].decode("ascii") if found else None


def _try(body: bytes, codec: str) -> str | None:
    try:
        return body.decode(codec)
    except UnicodeError:
        return None


def _guess(body: bytes) -> tuple[str, str] | None:
    if b"\x1b$" in body and (text := _try(body, "iso2022_jp_2")) is not None:
        return text, "iso2022_jp_2"
    if (text := _try(body, "utf-8")) is not None:
        return text, "utf-8"
    readings = [(text, codec) for codec in ("euc_jp", "cp932") if (text := _try(body, codec)) is not None]
    likeliest = max(readings, key=lambda reading: _likeness(reading[0]), default=("", ""))
    return likeliest if _likeness(likeliest[0]) > 0.5 else None


def _likeness(text: str) -> float:
    """Tell how much of what is not ASCII reads like Japanese; half-width kana and private use speak against it."""
    foreign = [char for char in text[:50_000] if ord(char) > 0x7F]
    if not foreign:
        return 0.0
    joined = "".join(foreign)
    return (len(_KANA_AND_KANJI.findall(joined)) - 2 * len(_RARE.findall(joined))) / len(joined)


def _forced(body: bytes, charset: str | None) -> tuple[str, str]:
    label = (charset or _declared(body) or "").strip().lower()
    codec = _CODECS.get(label, "")
    if codec and codec not in {"cp1252", "utf-8"}:
        # A few bad bytes in a page of a known encoding: keep the rest.
        text = body.decode(codec, "replace")
        if text.count("\ufffd") * 50 < len(text):
            return text, codec
    if codec == "utf-8" and (text := body.decode("utf-8", "replace")).count("\ufffd") * 50 < len(text):
        return text, "utf-8"
    return body.decode("cp1252", "replace"), "cp1252"

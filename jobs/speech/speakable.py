"""Texts as they are said: no markup, no addresses, and signs in words."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from jobs.articles.sentences import is_finished

#: What is looked at of one text; a podcast says far less.
MOST: Final = 40_000

_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
#: The address of a link, with brackets in it one deep, and a title.
_TARGET: Final = r"\((?:[^()\s]|\([^()\s]{0,200}\)){0,2000}(?:\s+\"[^\"]{0,500}\")?\)"
_IMAGE: Final = re.compile(rf"!\[([^\[\]]{{0,500}})\]{_TARGET}")
_LINK: Final = re.compile(rf"\[([^\[\]]{{1,500}})\]{_TARGET}")
#: Headings, quotations, items, rules and rows of tables, at the beginning of a line.
_LINE: Final = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+|[•・][ \t]*|\d{1,3}[.)][ \t]+|[-*_=|: \t]{3,}$)", re.MULTILINE
)
_EMPHASIS: Final = re.compile(r"(\*\*\*|\*\*|\*|~~|`{1,3}|(?<!\w)_{1,3}(?=\w))(?=\S)(.{1,200}?)(?<=\S)\1")
#: Its host is said; signs that end a sentence are not part of it.
_URL: Final = re.compile(
    r"(?<![A-Za-z])(?:https?|ftp)://(?:www\.)?([A-Za-z0-9.-]{0,254}[A-Za-z0-9])(?:[:/?#](?:[!-~](?<![\"'<>]))*(?<![.,;:!?)]))?",
    re.IGNORECASE,
)
_GROUPED: Final = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_MONEY: Final = re.compile(r"([$€£¥])\s?(\d[\d,]*(?:\.\d+)?)")
_RANGE: Final = re.compile(r"(?<=\d)\s?[–〜～]\s?(?=\d)")
_SIGN_OF_NUMBER: Final = re.compile(r"(?<=\d)\s?(%|°C|°F|km/h|m²|km²)(?![A-Za-z])")
#: Signs that what stood before them has gone from.
_LOOSE: Final = re.compile(r"(?: ?,)* ?([,.!?])")
_SPACE: Final = re.compile(r"[ \t\u3000\u00a0]+")

#: Signs in the words of a language; of any other language they are left to whoever speaks.
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        **{"%": " percent", "°C": " degrees Celsius", "°F": " degrees Fahrenheit", "km/h": " kilometres per hour"},
        **{"m²": " square metres", "km²": " square kilometres", "range": " to ", "&": " and ", "=": " equals "},
        **{"$": " dollars", "€": " euros", "£": " pounds", "¥": " yen"},
    },
    "ja": {
        **{"%": "パーセント", "°C": "度", "°F": "度（華氏）", "km/h": "キロメートル毎時"},
        **{"m²": "平方メートル", "km²": "平方キロメートル", "range": "から", "&": "アンド", "=": "イコール"},
        **{"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円"},
    },
}
#: Said by nobody, in any language: controls, surrogates, pictures, and modifiers of those.
_SILENT: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "So", "Sk"})
_PAUSES: Final = dict.fromkeys("|→⇒←—―…⋯", ", ")


def speakable(text: str, language: str | None) -> str:
    """Give what is to be said of a text: paragraphs in lines, each finished as a sentence is."""
    text = _without_markup(unicodedata.normalize("NFC", text[:MOST]).replace("\r", "\n"))
    text = _URL.sub(r"\1", text)
    words = _WORDS.get(language or "")
    # Wide digits and signs are said as the narrow ones are.
    text = _in_words(_narrow(text), words) if words else _narrow(text)
    lines = (_line(line) for line in text.split("\n"))
    return "\n".join(_finished(line) for line in lines if any(char.isalnum() for char in line))


def _without_markup(text: str) -> str:
    text = _without_code(text)
    text = _TAG.sub(" ", text)
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(r"\1", text)
    text = _LINE.sub("", text)
    for _ in range(3):  # bold within italics
        text = _EMPHASIS.sub(r"\2", text)
    return text


def _without_code(text: str) -> str:
    """Leave out what stands between fences; one that is not closed fences nothing."""
    kept: list[str] = []
    fence, opened = "", 0
    for line in text.split("\n"):
        if fence and line.strip() == fence:
            del kept[opened:]
            fence = ""
            continue
        if not fence and line.startswith(("```", "~~~")):
            fence, opened = line[:3], len(kept)
        kept.append(line)
    return "\n".join(kept)


def _narrow(text: str) -> str:
    return "".join(
        unicodedata.normalize("NFKC", char) if "！" <= char <= "～" and char not in "！？，．：；（）～" else char
        for char in text
    )


def _in_words(text: str, words: Mapping[str, str]) -> str:
    def named(sign: int) -> Callable[[re.Match[str]], str]:
        return lambda found: words[found[sign]]

    text = _MONEY.sub(lambda found: f"{found[2]}{words[found[1]]}", text)
    text = _GROUPED.sub(lambda found: found[0].replace(",", ""), text)
    text = _SIGN_OF_NUMBER.sub(named(1), text)
    text = _RANGE.sub(words["range"], text)
    return re.sub(r"[&=]", named(0), text)


def _line(line: str) -> str:
    said = (_PAUSES.get(char, "" if unicodedata.category(char) in _SILENT else char) for char in line)
    line = _SPACE.sub(" ", "".join(said)).strip()
    return _LOOSE.sub(r"\1", line).strip(" ,")


def _finished(line: str) -> str:
    if is_finished(line):
        return line
    wide = unicodedata.east_asian_width(line[-1]) in "WF"
    return line.rstrip(":;,、：；，") + ("。" if wide else ".")

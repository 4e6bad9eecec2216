"""From the HTML of a page to its article."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree  # type: ignore[import-untyped]
from trafilatura import bare_extraction

from jobs.articles.exceptions import NoTextFound
from jobs.articles.languages import detect
from jobs.articles.markup import Element, parse, printable
from jobs.articles.metadata import declared_language, published

#: A longer article is cut after a paragraph and says so; a job's result has a limit.
LONGEST_TEXT: Final = 150_000
#: Less than this from the extractor is compared with all that is left when the navigation is taken away.
_LITTLE: Final = 250

# What trafilatura lets out when a page surprises it. Then it found nothing, as on any page it cannot read.
_EXTRACTOR_BUGS: Final = (ValueError, TypeError, AttributeError, LookupError, RecursionError, etree.LxmlError)
_FURNITURE: Final = frozenset("script style noscript template nav header footer aside form select svg head".split())
_LINES: Final = frozenset("p h1 h2 h3 h4 h5 h6 li dt dd td th pre blockquote div br hr".split())


@dataclass(frozen=True, slots=True)
class Article:
    """The text of a page, a paragraph a line, and what the page says about itself."""

    title: str | None
    text: str
    language: str | None
    author: str | None
    date: str | None
    site: str | None
    extractor: str
    truncated: bool


def extract(source: str) -> Article:
    """Find the article in a page's HTML; raises NoTextFound or PageTooLarge.

    When the extractor finds little, the page without its navigation is taken instead.
    """
    tree = parse(source)
    declared, day = declared_language(tree), published(tree)
    plain = _visible_text(tree)
    document = _extracted(tree)
    text, extractor = _tidy(document.get("text") or ""), "trafilatura"
    if len(text) < _LITTLE and len(plain) > 2 * len(text):
        text, extractor = plain, "visible_text"
    if not any(char.isalnum() for char in text):
        raise NoTextFound
    shortened = _shorten(text)
    return Article(
        title=_line(document.get("title")) or _line(tree.findtext(".//title")),
        text=shortened,
        language=detect(text) or declared,
        author=_line(document.get("author")),
        date=day.isoformat() if day else None,
        site=_line(document.get("sitename")),
        extractor=extractor,
        truncated=len(shortened) < len(text),
    )


def extract_plain(text: str) -> Article:
    """Take plain text as the article it is."""
    tidy = _tidy(text)
    if not any(char.isalnum() for char in tidy):
        raise NoTextFound
    shortened = _shorten(tidy)
    return Article(None, shortened, detect(tidy), None, None, None, "plain_text", len(shortened) < len(tidy))


def _extracted(tree: Element) -> dict[str, Any]:
    try:
        document = bare_extraction(
            tree,
            with_metadata=True,
            include_comments=False,
            date_extraction_params={"extensive_search": False, "original_date": True},
        )
    except _EXTRACTOR_BUGS:
        return {}
    return document.as_dict() if document is not None and not isinstance(document, dict) else document or {}


def _visible_text(tree: Element) -> str:
    parts: list[str] = []
    _collect(next(iter(tree.iter("body")), tree), parts)
    return _tidy("".join(parts))


def _collect(element: Element, parts: list[str]) -> None:
    # The parser stops at a depth of 256, so this recursion is bounded.
    if element.tag in _FURNITURE:
        return
    breaks = element.tag in _LINES
    parts += ["\n"] if breaks else []
    parts.append(element.text or "")
    for child in element:
        _collect(child, parts)
        parts.append(child.tail or "")
    parts += ["\n"] if breaks else []


def _tidy(text: str) -> str:
    return "\n".join(_unrepeated(" ".join(line.split()) for line in printable(text).splitlines()))


def _unrepeated(lines: Iterable[str]) -> Iterable[str]:
    last = ""
    for line in lines:
        if line and line != last:
            yield line
            last = line


def _shorten(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    end = text.rfind("\n", LONGEST_TEXT // 2, LONGEST_TEXT)
    return text[: end if end > 0 else LONGEST_TEXT]


def _line(value: str | None) -> str | None:
    return " ".join(printable(value or "").split())[:500] or None

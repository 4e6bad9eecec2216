"""What a page says about itself in its markup. A date guessed from the text would often be that of an example."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from jobs.articles.languages import primary
from jobs.articles.markup import Element

_DATE: Final = re.compile(r"\s*(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
_META_DATES: Final = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dcterms.date",
    "dc.date",
    "citation_publication_date",
    "parsely-pub-date",
    "sailthru.date",
    "pubdate",
    "publishdate",
    "date",
)
_LONGEST_JSON: Final = 200_000


def published(tree: Element) -> date | None:
    """Find the day of publication that the page declares."""
    metas = _metas(tree)
    candidates = [metas[name] for name in _META_DATES if name in metas]
    candidates += (value for value in _linked_data(tree, "datePublished") if isinstance(value, str))
    candidates += (
        element.get("datetime") or element.get("content") or ""
        for element in tree.iter("time", "span", "abbr", "meta")
        if element.get("pubdate") is not None or "datePublished" in (element.get("itemprop") or "").split()
    )
    candidates += (
        element.get("datetime") or ""
        for container in tree.iter("article", "header")
        for element in container.iter("time")
    )
    return next((day for day in map(_day, candidates) if day), None)


def declared_language(tree: Element) -> str | None:
    """Find the language that the page declares, as a two or three letter code."""
    labels = [root.get(name) for root in (tree, *tree.iter("body")) for name in ("lang", "xml:lang")]
    metas = _metas(tree)
    labels += [metas.get(name) for name in ("content-language", "og:locale", "dc.language", "language")]
    return next((code for code in map(primary, labels) if code), None)


def _day(value: str) -> date | None:
    found = _DATE.match(value)
    if not found:
        return None
    try:
        day = date(*map(int, found.groups()))
    except ValueError:
        return None
    return day if date(1990, 1, 1) <= day <= date(2100, 1, 1) else None


def _metas(tree: Element) -> dict[str, str]:
    metas: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("http-equiv") or element.get("itemprop")
        if name and element.get("content"):
            metas.setdefault(name.strip().lower(), element.get("content").strip())
    return metas


def _linked_data(tree: Element, key: str) -> Iterator[Any]:
    for script in tree.iter("script"):
        if (script.get("type") or "").strip().lower() != "application/ld+json":
            continue
        source = script.text or ""
        try:
            document = json.loads(source) if len(source) <= _LONGEST_JSON else None
        except (ValueError, RecursionError):
            continue
        yield from _values(document, key)


def _values(document: Any, key: str, depth: int = 4) -> Iterator[Any]:
    if isinstance(document, dict):
        if key in document:
            yield document[key]
        document = list(document.values())
    if isinstance(document, list) and depth:
        for item in document:
            yield from _values(item, key, depth - 1)

"""The jobs of an article reader: extract_content, summarize and validate_summary."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict

from jobs.articles import checks  # noqa: F401 - registers the system check of the fetcher's setting
from jobs.articles.decoding import decode
from jobs.articles.exceptions import NoTextFound
from jobs.articles.extraction import Article, extract, extract_plain
from jobs.articles.fetching import fetch
from jobs.articles.languages import primary
from jobs.articles.summarizing import summarize_text
from jobs.articles.validation import faults
from jobs.context import Context
from jobs.decorators import job
from jobs.exceptions import NonRetryableError
from jobs.statuses import Priority

#: Seconds; longer than a fetch with all its redirects and the slowest page that is read.
_TIMEOUT = 60.0

_TEXT = "Ekiden is a relay race. Each runner hands over the sash. The first one was run in 1917."


class UserPreferences(TypedDict):
    """What a reader wants of a summary; the language is a code such as "ja" or "en-GB"."""

    length: NotRequired[Literal["short", "medium", "long"]]
    language: NotRequired[str]


@job(
    "extract_content",
    priority=Priority.NORMAL,
    timeout=_TIMEOUT,
    version="1.0.0",
    tags=("articles", "web"),
    examples=(
        {"url": "https://example.org/ekiden.html", "article_id": "article-7"},
        {"html": f"<html><body><article><h1>Ekiden</h1><p>{_TEXT}</p></article></body></html>"},
    ),
)
def extract_content(
    ctx: Context, html: str | None = None, url: str | None = None, article_id: str | None = None
) -> dict[str, Any]:
    """Find the text, title, author, date and language of a web page, given as HTML or as a public URL."""
    article, reached = _read(ctx, html=html, url=url)
    ctx.progress(90, "Text found")
    return {"article_id": article_id, "url": reached, **asdict(article), "extracted_at": _now()}


@job(
    "summarize",
    priority=7,
    timeout=_TIMEOUT,
    version="1.0.0",
    tags=("articles", "summaries"),
    examples=(
        {"content": _TEXT, "user_preferences": {"length": "short"}},
        {"url": "https://example.org/ekiden.html", "user_preferences": {"language": "ja"}},
    ),
)
def summarize(
    ctx: Context,
    content: str | None = None,
    html: str | None = None,
    url: str | None = None,
    article_id: str | None = None,
    user_preferences: UserPreferences | None = None,
) -> dict[str, Any]:
    """Summarize an article, given as plain text, HTML or a public URL, in the length and language preferred."""
    wanted = user_preferences or {}
    article, reached = _read(ctx, content=content, html=html, url=url)
    ctx.progress(60, "Summarizing")
    length = wanted.get("length", "medium")
    summary = summarize_text(article.text, length=length, language=primary(wanted.get("language")))
    return {
        "article_id": article_id,
        "url": reached,
        "title": article.title,
        "summary": summary.text,
        "language": summary.language,
        "length": summary.length,
        "provider": summary.provider,
        "source_characters": len(article.text),
        "generated_at": _now(),
    }


@job(
    "validate_summary",
    priority=Priority.NORMAL,
    timeout=_TIMEOUT,
    version="1.0.0",
    tags=("articles", "summaries"),
    examples=({"summary": "Ekiden is a relay race.", "source": _TEXT, "language": "en", "length": "short"},),
    # Of the three the only one that asks nothing but its payload.
    cache=600,
)
def validate_summary(
    ctx: Context,
    summary: str,
    source: str,
    article_id: str | None = None,
    language: str | None = None,
    length: Literal["short", "medium", "long"] = "long",
) -> dict[str, Any]:
    """Check a summary against the text it was made from, and name what is wrong with it."""
    if not any(char.isalnum() for char in source):
        raise NoTextFound("The source has no text to compare the summary with.")
    reasons = faults(summary, source, language=primary(language), length=length)
    return {
        "article_id": article_id,
        "valid": not reasons,
        "reasons": [asdict(reason) for reason in reasons],
        "validated_at": _now(),
    }


def _read(
    ctx: Context, *, content: str | None = None, html: str | None = None, url: str | None = None
) -> tuple[Article, str | None]:
    """Get the article from the one source that was given, and the URL it came from in the end."""
    given = [source for source in (content, html, url) if source is not None]
    if len(given) != 1:
        raise NonRetryableError("Give the article in exactly one way: as content, as html or as a url.")
    if content is not None:
        return extract_plain(content), None
    if html is not None:
        return extract(html), None
    ctx.progress(10, "Fetching the page")
    page = fetch(given[0])
    ctx.progress(40, "Reading the page")
    text, encoding = decode(page.body, page.charset)
    ctx.log.info("fetched url=%s bytes=%d encoding=%s", page.url, len(page.body), encoding)
    return (extract_plain(text) if page.content_type == "text/plain" else extract(text)), page.url


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

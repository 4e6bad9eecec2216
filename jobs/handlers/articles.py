"""The jobs of an article reader: extract_content, summarize and validate_summary."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict
from uuid import UUID

from jobs.articles import checks  # noqa: F401 - registers the system check of the fetcher's setting
from jobs.articles.exceptions import NoTextFound
from jobs.articles.languages import primary
from jobs.articles.validation import faults
from jobs.context import Context
from jobs.decorators import job
from jobs.pipeline.extracting import extract_stored
from jobs.pipeline.generating import generate_from, summarize_stored
from jobs.pipeline.judging import validate_stored
from jobs.pipeline.reading import read
from jobs.pipeline.stored import stored_id
from jobs.priorities import by_tier
from jobs.schemas import Schema

#: Seconds; longer than a fetch with all its redirects and the slowest page that is read.
_TIMEOUT = 60.0

_TEXT = "Ekiden is a relay race. Each runner hands over the sash. The first one was run in 1917."


class UserPreferences(TypedDict):
    """What a reader wants of a summary; the language is a code such as "ja" or "en-GB"."""

    length: NotRequired[Literal["short", "medium", "long"]]
    language: NotRequired[str]


@job(
    "extract_content",
    priority=by_tier(5),
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
    """Find the text, title, author, date and language of a page: of HTML, a public URL or a stored article."""
    if stored := stored_id(article_id, html, url):
        return {"article_id": article_id, **extract_stored(ctx, stored), "extracted_at": _now()}
    article, reached = read(ctx, html=html, url=url)
    ctx.progress(90, "Text found")
    return {"article_id": article_id, "url": reached, **asdict(article), "extracted_at": _now()}


@job(
    "summarize",
    priority=by_tier(7),
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
    """Summarize an article, given as text, HTML or a public URL or stored, in the length and language preferred."""
    wanted = user_preferences or {}
    if stored := stored_id(article_id, content, html, url):
        return {"article_id": article_id, **summarize_stored(ctx, stored, wanted), "generated_at": _now()}
    article, reached = read(ctx, content=content, html=html, url=url)
    ctx.progress(60, "Summarizing")
    # Remembered, so that no crash pays for it twice.
    generated = ctx.task(
        "generate",
        lambda: generate_from(ctx, article.text, wanted, language=article.language, title=article.title or ""),
    )
    return {
        "article_id": article_id,
        "url": reached,
        "title": article.title,
        "summary": generated.pop("text"),
        **generated,
        "source_characters": len(article.text),
        "generated_at": _now(),
    }


_VALIDATED: Schema = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "source": {"type": "string"},
        "article_id": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "language": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "length": {"enum": ["short", "medium", "long", None]},
        "own_words": {
            "type": "boolean",
            "default": False,
            "description": "Whether long passages of the source are refused; of stored summaries it is known.",
        },
    },
    "additionalProperties": False,
    # Both texts, or a stored article.
    "anyOf": [
        {"required": ["summary", "source"]},
        {
            "properties": {"article_id": {"type": "string", "format": "uuid"}, "summary": False, "source": False},
            "required": ["article_id"],
        },
    ],
}


@job(
    "validate_summary",
    priority=by_tier(5),
    timeout=_TIMEOUT,
    version="1.1.0",
    tags=("articles", "summaries"),
    examples=({"summary": "Ekiden is a relay race.", "source": _TEXT, "language": "en", "length": "short"},),
    schema=_VALIDATED,
    # Of two texts the result depends on nothing else; what is stored changes, and belongs to somebody.
    cache=600,
    cacheable=lambda payload: "source" in payload,
)
def validate_summary(
    ctx: Context,
    summary: str | None = None,
    source: str | None = None,
    article_id: str | None = None,
    language: str | None = None,
    length: Literal["short", "medium", "long"] | None = None,
    own_words: bool = False,
) -> dict[str, Any]:
    """Check a summary against its text and name what is wrong; a stored article's refused one is made anew once."""
    if summary is None or source is None:
        wanted = {name: value for name, value in (("language", language), ("length", length)) if value is not None}
        result = validate_stored(ctx, UUID(article_id), wanted)
        return {"article_id": article_id, **result, "validated_at": _now()}
    if not any(char.isalnum() for char in source):
        raise NoTextFound("The source has no text to compare the summary with.")
    reasons = faults(summary, source, language=primary(language), length=length or "long", own_words=own_words)
    return {
        "article_id": article_id,
        "valid": not reasons,
        "reasons": [asdict(reason) for reason in reasons],
        "validated_at": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

"""calculate_similarity: the stored articles that are most like one of them, or like a text."""

from typing import Any, Final
from uuid import UUID

from jobs.articles.exceptions import NoTextFound
from jobs.articles.languages import primary
from jobs.context import Context
from jobs.decorators import job
from jobs.pipeline.stored import load_with_text
from jobs.priorities import by_tier
from jobs.similarity.nearest import MOST_NEAREST, nearest, nearest_to
from jobs.similarity.terms import LONGEST_TEXT

_TIMEOUT: Final = 60.0
_PLACES: Final = 6

_TEXT: Final = "Ekiden is a relay race. Each runner hands over the sash. The first one was run in 1917."
_UUID: Final = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "article_id": {"type": "string", "pattern": _UUID, "description": "A stored article of the job's owner."},
        "text": {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT, "description": "Instead of an article."},
        "language": {"type": "string", "maxLength": 35, "description": "Of the text: a code such as ja."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_NEAREST, "default": 10},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["article_id"]}, {"required": ["text"]}],
}


@job(
    "calculate_similarity",
    # Nobody waits for it.
    priority=by_tier(3),
    timeout=_TIMEOUT,
    version="1.0.0",
    tags=("articles", "similarity"),
    schema=_SCHEMA,
    examples=({"article_id": "019a9f3e-7c00-7000-8000-000000000000", "limit": 5}, {"text": _TEXT}),
)
def calculate_similarity(
    ctx: Context,
    article_id: str | None = None,
    text: str | None = None,
    language: str | None = None,
    limit: int = 10,
) -> dict[str, Any]:
    """Find the owner's stored articles that are most like one of them, or like a text, by the words they share."""
    if article_id is not None:
        found = nearest(load_with_text(ctx, UUID(article_id)), limit)
    elif text and any(char.isalnum() for char in text):
        found = nearest_to(text, ctx.job.user_id, limit, primary(language))
    else:
        raise NoTextFound("The text has no words to compare.")
    return {
        "article_id": article_id,
        "similar": [
            {"article_id": str(near.article_id), "title": near.title, "score": round(near.score, _PLACES)}
            for near in found
        ],
    }

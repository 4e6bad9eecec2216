"""generate_podcast: an article as something to listen to."""

from typing import Any, Final

from jobs.context import Context
from jobs.decorators import job
from jobs.exceptions import NonRetryableError
from jobs.pipeline.stored import stored_id
from jobs.priorities import by_tier
from jobs.speech import checks  # noqa: F401 - registers the system check of the speech server's setting
from jobs.speech.podcasts import make
from jobs.speech.script import Material

#: Seconds for script, audio and file; less than workers hold a lock without renewing it.
_TIMEOUT: Final = 290.0

_TEXT: Final = "Ekiden is a relay race. Each runner hands over the sash. The first one was run in 1917."
_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "article_id": {"type": "string", "description": "A stored article. Beside a text it is only handed back."},
        "text": {"type": "string", "minLength": 1, "description": "What is to be said, if it is not of an article."},
        "title": {"type": "string", "description": "Of the text."},
        "language": {"type": "string", "pattern": "^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2}$"},
        "voice": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$"},
    },
    "additionalProperties": False,
}


@job(
    "generate_podcast",
    priority=by_tier(5),
    timeout=_TIMEOUT,
    version="1.0.0",
    tags=("articles", "podcasts"),
    schema=_SCHEMA,
    examples=(
        {"article_id": "019a9f3e-7c00-7000-8000-000000000000"},
        {"title": "Ekiden", "text": _TEXT, "language": "en"},
    ),
)
def generate_podcast(
    ctx: Context,
    article_id: str | None = None,
    text: str | None = None,
    title: str | None = None,
    language: str | None = None,
    voice: str | None = None,
) -> dict[str, Any]:
    """Make a podcast of a stored article, or of a given text: a spoken script, and an audio file with its duration."""
    code = language.replace("_", "-").lower() if language else None
    stored = stored_id(article_id, text)
    if stored is None and text is None:
        raise NonRetryableError("Give a text, or the id of a stored article.")
    material = Material(title or "", "", text, code) if text is not None else None
    podcast = make(ctx, stored, material, code, voice)
    return {
        "podcast_id": str(podcast.pk),
        "article_id": article_id,
        "duration_seconds": round(podcast.duration_seconds, 3),
        "size_bytes": podcast.size_bytes,
        "content_type": podcast.content_type,
        "language": podcast.language,
        "engine": podcast.engine,
        "voice": podcast.voice,
        "generated_at": podcast.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }

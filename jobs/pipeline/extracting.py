from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from jobs.articles.extraction import Article as Extracted
from jobs.context import Context
from jobs.exceptions import NonRetryableError
from jobs.models import Article
from jobs.pipeline.reading import read
from jobs.pipeline.stored import Stage, advance, load, writing
from jobs.similarity.index import index_article

_WRITTEN: Final = ("title", "author", "published", "language", "text", "characters", "resolved_url", "html")


def extract_stored(ctx: Context, article_id: UUID) -> dict[str, Any]:
    """Find the text of a stored article and keep it there; the page is not needed any more then."""
    article = load(ctx, article_id)
    if article.html is None and not article.url:
        return _again(article)
    extracted, url = read(ctx, html=article.html, url=article.url if article.html is None else None)
    ctx.progress(80, "Text found")
    with writing(ctx, article_id) as locked:
        _keep(locked, extracted, url)
    facts = {name: value for name, value in asdict(extracted).items() if name != "text"}
    return {"url": url, **facts, "characters": len(extracted.text)}


def _again(article: Article) -> dict[str, Any]:
    """Say what is known of a page that was given as HTML and has been read: an earlier attempt was not recorded."""
    if not article.text:
        raise NonRetryableError(f"The article {article.pk} has neither a page nor a URL.")
    facts = {"title": article.title, "language": article.language, "author": article.author, "date": article.published}
    return {"url": None, **{name: value or None for name, value in facts.items()}, "characters": article.characters}


def _keep(article: Article, extracted: Extracted, url: str | None) -> None:
    article.title, article.author = extracted.title or "", extracted.author or ""
    article.published, article.language = extracted.date or "", extracted.language or ""
    article.text, article.characters = extracted.text, len(extracted.text)
    article.resolved_url, article.html = url or "", None
    article.save(update_fields=_WRITTEN)
    index_article(article)
    advance(article, Stage.EXTRACTED)

"""Stored articles as their jobs see them: the owner's own, locked while they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from jobs.context import Context
from jobs.exceptions import NonRetryableError
from jobs.models import Article

Stage = Article.Stage

#: In the order in which they are reached.
STAGES: Final = tuple(Stage)


def stored_id(article_id: str | None, *texts: Any) -> UUID | None:
    """Give the id of the stored article that a payload means: an id in the form of ours, and no text beside it."""
    if article_id is None or any(text is not None for text in texts):
        return None
    try:
        return UUID(article_id)
    except ValueError:
        return None


def load(ctx: Context, article_id: UUID) -> Article:
    """Read an article for a job of its owner; raises NonRetryableError for those of others and deleted ones."""
    return _lawful(Article.objects.filter(pk=article_id, user=ctx.job.user_id).first(), article_id)


def load_with_text(ctx: Context, article_id: UUID) -> Article:
    """Read an article whose text has been found; raises NonRetryableError where it has not."""
    article = load(ctx, article_id)
    if not article.text:
        raise NonRetryableError(f"The article {article_id} has no text yet: its page is read by extract_content first.")
    return article


@contextmanager
def writing(ctx: Context, article_id: UUID) -> Iterator[Article]:
    """Open a fenced transaction with the article locked in it, as it is now: two of its jobs write in turn."""
    with ctx.fenced():
        found = Article.objects.select_for_update(no_key=True).without_texts().filter(pk=article_id)
        yield _lawful(found.first(), article_id)


def reached(article: Article, stage: Article.Stage) -> bool:
    """Whether the article has come to this stage, or beyond it."""
    return STAGES.index(Stage(article.stage)) >= STAGES.index(stage)


def advance(article: Article, stage: Article.Stage) -> None:
    """Write that the article has come to this stage; one that is further stays where it is."""
    if not reached(article, stage):
        article.stage = stage
        article.save(update_fields=["stage"])


def _lawful(article: Article | None, article_id: UUID) -> Article:
    if article is None:
        raise NonRetryableError(f"The job's owner has no article {article_id}.")
    if article.is_deleted:
        raise NonRetryableError(f"The article {article_id} was deleted.")
    return article

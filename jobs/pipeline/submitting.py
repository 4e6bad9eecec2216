"""Handing over an article: its row and the jobs that work on it, in one transaction."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import router, transaction

from jobs.articles.fetching import loopback_allowed
from jobs.articles.urls import judge
from jobs.exceptions import InvalidOption
from jobs.models import Article
from jobs.models.columns import uuid7
from jobs.new_job import NewJob
from jobs.options import Options
from jobs.workflows import Step, enqueue_workflow

#: The steps of the workflow, in their order, and the stage that each leads to.
STEPS: Final[Mapping[str, tuple[str, Article.Stage]]] = {
    "extract": ("extract_content", Article.Stage.EXTRACTED),
    "summarize": ("summarize", Article.Stage.SUMMARIZED),
    "validate": ("validate_summary", Article.Stage.VALIDATED),
    "podcast": ("generate_podcast", Article.Stage.SPOKEN),
}


def submit_article(
    user: Any,
    *,
    url: str | None = None,
    html: str | None = None,
    preferences: Mapping[str, Any] | None = None,
    podcast: bool = False,
    **chosen: Any,
) -> Article:
    """Store an article, given as a URL or as HTML, and submit the jobs that read, summarize and check it.

    `preferences` are `length` (short, medium or long) and `language` of the summary; with `podcast` it is spoken as
    well. `chosen` are options of all its jobs, such as `request_id`. Raises InvalidOption unless one source is given,
    UrlRefused for one that is never fetched.
    """
    if (url is None) == (html is None):
        raise InvalidOption("url", "must be given, or html, but not both.")
    if url is not None:
        judge(url, any_port=loopback_allowed())
    wanted = {**(preferences or {}), "podcast": podcast}
    article = Article(pk=uuid7(), user=user, url=url or "", html=html, preferences=wanted)
    steps = [name for name in STEPS if podcast or name != "podcast"]
    with transaction.atomic(using=router.db_for_write(Article)):
        article.batch_id = _enqueue(article, steps, user, chosen)
        article.save(force_insert=True)
    return article


def _enqueue(article: Article, names: list[str], user: Any, chosen: Mapping[str, Any]) -> UUID:
    """Submit steps that run one after the other."""
    options: Options = {**chosen}  # type: ignore[typeddict-item]
    steps = {
        name: Step(NewJob(STEPS[name][0], {"article_id": str(article.pk)}, options), names[index - 1 : index])
        for index, name in enumerate(names)
    }
    return enqueue_workflow(steps, name=f"article {article.pk}", user=user).id

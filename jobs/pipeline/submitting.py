"""Handing over an article: its row and the jobs that work on it, in one transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import router, transaction

from jobs import batches
from jobs.articles.fetching import loopback_allowed
from jobs.articles.urls import judge
from jobs.exceptions import InvalidOption, InvalidState
from jobs.models import Article, Batch, Podcast
from jobs.models.audit import audit
from jobs.models.columns import uuid7
from jobs.new_job import NewJob
from jobs.options import Options
from jobs.pipeline.steps import STEPS
from jobs.workflows import Step, enqueue_workflow


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
    with transaction.atomic(using=router.db_for_write(Article)):
        article.batch = _enqueue(article, chosen)
        article.save(force_insert=True)
    return article


def resubmit_article(
    article_id: UUID,
    actor: Any,
    *,
    preferences: Mapping[str, Any] | None = None,
    podcast: bool | None = None,
    reason: str = "",
    **chosen: Any,
) -> Article:
    """Have an article summarized again, with other preferences where they are given; what is under way is cancelled.

    It begins where its text is missing, else with the summary; the accepted one stays until there is another. Raises
    InvalidState for an article that was deleted.
    """
    with transaction.atomic(using=router.db_for_write(Article)):
        article = _locked(article_id)
        if article.is_deleted:
            raise InvalidState("summarize", "deleted", "Cannot summarize it: it was deleted.")
        _cancel(article, actor)
        given = {**(preferences or {}), **({} if podcast is None else {"podcast": podcast})}
        article.preferences = {**article.preferences, **given}
        if article.stage != Article.Stage.SUBMITTED:
            article.stage = Article.Stage.EXTRACTED
        article.batch = _enqueue(article, chosen)
        article.save(update_fields=["preferences", "stage", "batch"])
        audit(actor, "summarize", article, reason)
    return article


def delete_article(article_id: UUID, actor: Any, reason: str = "") -> None:
    """Hide an article from lists, searches and its jobs; what works on it is cancelled."""
    with transaction.atomic(using=router.db_for_write(Article)):
        article = _locked(article_id)
        if article.is_deleted:
            return
        _cancel(article, actor)
        article.is_deleted = True
        article.save(update_fields=["is_deleted"])
        # Nobody can listen to them any more, and their files take room.
        Podcast.objects.filter(article=article).delete()
        audit(actor, "delete", article, reason)


def _locked(article_id: UUID) -> Article:
    return Article.objects.without_texts().select_related("user").select_for_update(of=("self",)).get(pk=article_id)


def _cancel(article: Article, actor: Any) -> None:
    if article.batch_id and Batch.objects.filter(pk=article.batch_id).exists():
        batches.cancel(article.batch_id, actor, f"Of the article {article.pk}.")


def _enqueue(article: Article, chosen: Mapping[str, Any]) -> Batch:
    """Submit the steps that are left, one after the other, for the article's owner."""
    options: Options = {**chosen}  # type: ignore[typeddict-item]
    names = [
        name
        for name in STEPS
        if (name != "extract" or article.stage == Article.Stage.SUBMITTED)
        and (name != "podcast" or article.preferences.get("podcast"))
    ]
    steps = {
        name: Step(NewJob(STEPS[name][0], {"article_id": str(article.pk)}, options), names[:index][-1:])
        for index, name in enumerate(names)
    }
    submitted = enqueue_workflow(steps, name=f"article {article.pk}", user=article.user)
    # As it was written just now.
    return Batch(pk=submitted.id, steps={name: str(job.id) for name, job in submitted.jobs.items()})

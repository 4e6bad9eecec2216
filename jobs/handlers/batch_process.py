"""batch_process: the work of one job type over thousands of payloads, each a durable task of one job."""

from datetime import datetime
from typing import Any
from uuid import UUID

from jobs import catalogue
from jobs.context import Context
from jobs.decorators import job
from jobs.exceptions import FunctionInactive, NonRetryableError
from jobs.many.asking import MOST_ARTICLES, NAME, SCHEMA, check
from jobs.many.report import report
from jobs.many.rounds import Wishes, do_all
from jobs.models import Article
from jobs.registry import registry

_TEXTS = ["Ekiden is a relay race.", "Each runner hands over the sash."]


@job(
    NAME,
    # Nobody waits for it, and what it does must not take turns with what somebody waits for.
    priority=2,
    version="1.0.0",
    tags=("batches",),
    schema=SCHEMA,
    check=check,
    examples=(
        {"job_type": "summarize", "payloads": [{"content": text} for text in _TEXTS], "concurrency": 2},
        {"job_type": "calculate_similarity", "articles": {"language": "ja"}, "common": {"limit": 3}},
    ),
)
def batch_process(
    ctx: Context,
    job_type: str,
    payloads: list[dict[str, Any]] | None = None,
    articles: dict[str, Any] | None = None,
    common: dict[str, Any] | None = None,
    concurrency: int = 4,
    retries: int | None = None,
    stop_after_failures: int | None = None,
    fail_on_error: bool = False,
    results: bool = False,
) -> dict[str, Any]:
    """Do the work of a job type for many payloads, each once, and tell which of them failed and why."""
    _refuse_inactive(job_type)
    shared = common or {}
    if payloads is None:
        owner = ctx.job.user_id
        found = ctx.task("articles", _article_ids, str(owner) if owner else None, articles or {})
        payloads = [{"article_id": article_id} for article_id in found]
    each = [{**shared, **payload} for payload in payloads]
    wishes = Wishes(concurrency, retries, stop_after_failures, fail_on_error, results)
    return report(job_type, do_all(ctx, registry.get(job_type), each, wishes), results)


def _refuse_inactive(job_type: str) -> None:
    try:
        catalogue.function_of_job_type(job_type).refuse_inactive()
    except FunctionInactive as error:
        raise NonRetryableError(str(error)) from error


def _article_ids(owner: str | None, wanted: dict[str, Any]) -> list[str]:
    """Find the owner's articles, the oldest first: as a task, so that every attempt has the same ones."""
    articles = Article.objects.visible().filter(user=UUID(owner) if owner else None)
    if "created_after" in wanted:
        articles = articles.filter(created_at__gt=datetime.fromisoformat(wanted["created_after"]))
    articles = articles.filter(**{name: wanted[name] for name in ("stage", "language") if name in wanted})
    ids = articles.order_by("id").values_list("pk", flat=True)[: MOST_ARTICLES + 1]
    if len(ids) > MOST_ARTICLES:
        raise NonRetryableError(f"More than {MOST_ARTICLES:,} articles are like this: ask for fewer of them.")
    return [str(article_id) for article_id in ids]

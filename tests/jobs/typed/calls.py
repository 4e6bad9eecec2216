"""What a type checker says of these calls stands behind them; nothing where it says nothing."""

from datetime import timedelta
from typing import assert_type

from jobs.context import Context
from jobs.decorators import job
from jobs.enqueue import Enqueued, NewJob, enqueue, enqueue_many
from jobs.models import Job
from jobs.testing import assert_enqueued, drain_jobs, run_job
from jobs.uniqueness import Unique


@job("typed_plain", unique=Unique(fields=("article_id",), period=timedelta(hours=1)))
def summarize(ctx: Context, article_id: int, *, language: str = "en") -> dict[str, str]:
    return {"language": language, "article": str(article_id)}


@job("typed_coroutine")
async def fetch(ctx: Context, url: str, attempts: int = 3) -> bytes:
    return url.encode() * attempts


@job("typed_without_payload")
def tidy(ctx: Context) -> None: ...


@job("typed_wrongly")  # E: arg-type
def no_context(article_id: int) -> None: ...


def plain() -> None:
    assert_type(summarize.enqueue(article_id=7), Enqueued)
    summarize.enqueue(7, language="ja")
    summarize.enqueue(artcle_id=7)  # E: call-arg: "artcle_id" for "enqueue" of "Handler"
    summarize.enqueue(article_id="7")  # E: arg-type
    summarize.enqueue(language="ja")  # E: call-arg: Missing positional argument "article_id"
    summarize.enqueue(7, "ja")  # E: call-arg
    tidy.enqueue()
    tidy.enqueue(7)  # E: call-arg


def with_options() -> None:
    summarize.using(delay=60, priority=9).enqueue(article_id=7)
    summarize.using(delay=60).enqueue(artcle_id=7)  # E: call-arg: "artcle_id" for "enqueue" of "Submission"
    summarize.using(dely=60)  # E: call-arg
    summarize.using(priority="high")  # E: arg-type
    summarize.using(unique=Unique(mode="first"))  # E: arg-type
    summarize.enqueue(article_id=7, delay=60)  # E: call-arg: Unexpected keyword argument "delay"
    enqueue("typed_plain", {"article_id": 7}, delay=60)
    enqueue("typed_plain", {"article_id": 7}, dely=60)  # E: call-arg


def many() -> None:
    assert_type(summarize.enqueue_many([{"article_id": 7}, summarize.payload(8)], queue="slow"), list[Enqueued])
    summarize.enqueue_many([summarize.payload(artcle_id=7)])  # E: call-arg
    summarize.enqueue_many([{"article_id": 7}], dely=60)  # E: call-arg
    assert_type(summarize.new(article_id=7), NewJob)
    enqueue_many([summarize.new(7), fetch.using(delay=60).new(url="https://example.org"), tidy.new()])
    enqueue_many([fetch.new(uri="https://example.org")])  # E: call-arg
    enqueue_many([summarize.payload(7)])  # E: list-item


async def coroutines(ctx: Context) -> None:
    assert_type(await fetch.aenqueue(url="https://example.org"), Enqueued)
    await fetch.aenqueue(uri="https://example.org")  # E: call-arg
    await fetch.using(delay=60).aenqueue(url=7)  # E: arg-type
    await summarize.aenqueue(artcle_id=7)  # E: call-arg
    assert_type(await fetch(ctx, "https://example.org"), bytes)


def called_as_a_function(ctx: Context) -> None:
    assert_type(summarize(ctx, 7), dict[str, str])
    summarize(ctx, artcle_id=7)  # E: call-arg
    summarize(ctx, 7)["language"].upper()


def in_tests() -> None:
    assert_type(run_job(summarize, article_id=7), Job)
    assert_type(run_job(fetch, "https://example.org"), Job)
    run_job(summarize, artcle_id=7)  # E: call-overload
    run_job(fetch, url=7)  # E: call-overload
    submitted = summarize.enqueue(article_id=7)
    assert_type(run_job(submitted), Job)
    run_job(submitted, article_id=7)  # E: call-overload
    assert_type(assert_enqueued(summarize, language="ja"), Job)
    assert_type(drain_jobs("default"), list[Job])

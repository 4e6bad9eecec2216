"""Summaries of stored articles: made by a provider, once, and written where the article's others are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from jobs.ai.providers import Preferences
from jobs.ai.summaries import GeneratedSummary, generate_summary
from jobs.articles.summarizing import PROVIDER, Length, summarize_text
from jobs.articles.validation import Reason
from jobs.context import Context
from jobs.models import Article, Summary
from jobs.pipeline.stored import Stage, advance, load_with_text, writing

#: Seconds for all providers together: with reading and writing a summary is there within 30.
DEADLINE: Final = 27.0

#: A generated summary as JSON has it: a durable task remembers it, so that no crash pays for it twice.
Generated = dict[str, Any]


def summarize_stored(ctx: Context, article_id: UUID, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Summarize a stored article as asked for, or else as was asked for with the article."""
    article = load_with_text(ctx, article_id)
    preferences = {**article.preferences, **wanted}
    ctx.progress(10, "Summarizing")
    generated = ctx.task("generate", lambda: generate(ctx, article, preferences))
    ctx.progress(90, "Summarized")
    with writing(ctx, article_id) as locked:
        summary = keep(ctx, locked, generated)
        advance(locked, Stage.SUMMARIZED)
    return {
        "summary_id": str(summary.pk),
        "url": article.resolved_url or article.url or None,
        "title": article.title or None,
        "summary": summary.text,
        **{name: value for name, value in generated.items() if name != "text"},
        "source_characters": article.characters,
    }


def generate(
    ctx: Context, article: Article, preferences: Mapping[str, Any], refused: Sequence[Reason] = ()
) -> Generated:
    """Have a summary made by the first provider that can; `refused` tells it what was wrong with its last one."""
    return generate_from(
        ctx, article.text, preferences, language=article.language or None, title=article.title, refused=refused
    )


def generate_from(
    ctx: Context,
    text: str,
    preferences: Mapping[str, Any],
    *,
    language: str | None,
    title: str = "",
    refused: Sequence[Reason] = (),
) -> Generated:
    """Have a text summarized by the first provider that can, as JSON has it."""
    generated = generate_summary(
        text,
        Preferences(wanted_length(preferences), preferences.get("language")),
        user_id=ctx.job.user_id,
        job_id=ctx.job.pk,
        deadline=DEADLINE,
        language_of_source=language,
        refused=refused,
        title=title,
    )
    return _as_json(generated)


def extractive(article: Article, length: Length, language: str | None) -> Generated:
    """Summarize without any provider, by sentences of the article; raises NoTextFound."""
    summary = summarize_text(article.text, length=length, language=language)
    made = GeneratedSummary(summary.text, summary.language, length, PROVIDER, "", 0, 0, Decimal(0))
    return _as_json(made)


def keep(ctx: Context, article: Article, generated: Generated) -> Summary:
    """Write a generated summary; a job that is run again writes the same one, not another."""
    columns = {
        **generated,
        "language": generated["language"] or "",
        "cost": Decimal(generated["cost"]),
        "user_id": article.user_id,
    }
    named = {"article": article, "job_id": ctx.job.pk, "provider": columns.pop("provider"), "text": columns.pop("text")}
    return Summary.objects.update_or_create(**named, defaults=columns)[0]


def wanted_length(preferences: Mapping[str, Any]) -> Length:
    length: Length = preferences.get("length") or "medium"
    return length


def _as_json(generated: GeneratedSummary) -> Generated:
    return {**asdict(generated), "cost": str(generated.cost)}

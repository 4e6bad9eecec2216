"""A podcast from a job to its row: the script, the audio, the file, in this order."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from django.db import router, transaction

from jobs.context import Context
from jobs.exceptions import NonRetryableError
from jobs.models import Article, Podcast, Summary
from jobs.models.audit import audit
from jobs.pipeline.stored import Stage, advance, load_with_text, writing
from jobs.speech import files
from jobs.speech.audio import Audio
from jobs.speech.paying import paid
from jobs.speech.script import Material, Script, write
from jobs.speech.speaking import speak

#: Seconds that a model has for the script.
_WRITING: Final = 40.0


def of_article(article: Article, language: str | None) -> Material:
    """Give what is said about a stored article: its accepted summary, or else its text."""
    accepted = Summary.objects.filter(article=article, accepted=True).first()
    own = accepted.language if accepted else article.language
    return Material(article.title, accepted.text if accepted else "", article.text, language or own or None)


def make(
    ctx: Context, article_id: UUID | None, text: Material | None, language: str | None, voice: str | None
) -> Podcast:
    """Make the podcast of a job, once: an attempt after a crash finds the one that is there."""
    made = _made(ctx)
    if made is not None:
        return made
    ctx.progress(5, "Writing the script")
    script = Script(**ctx.task("script", lambda: asdict(_script(ctx, article_id, text, language))))
    ctx.progress(30, "Speaking")
    with TemporaryDirectory(prefix="ekiden-podcast-") as directory:
        audio = speak(
            script.text,
            script.language,
            Path(directory),
            voice=voice,
            paying=partial(paid, ctx.job.user_id, ctx.job.pk),
            stop=ctx.raise_if_cancelled,
        )
        ctx.progress(90, "Keeping the file")
        # A name of this attempt alone: a late one may still be writing another.
        with files.stored(audio.path, f"{ctx.job.pk}-{token_hex(4)}{audio.extension}") as name:
            return _keep(ctx, article_id, script, audio, name)


def delete(podcast_id: UUID, actor: Any, reason: str = "") -> None:
    """Delete a podcast; its file is noted with it, and goes a little later."""
    with transaction.atomic(using=router.db_for_write(Podcast)):
        podcast = Podcast.objects.get(pk=podcast_id)
        audit(actor, "delete", podcast, reason)
        podcast.delete()


def _script(ctx: Context, article_id: UUID | None, text: Material | None, language: str | None) -> Script:
    if article_id is not None:
        text = of_article(load_with_text(ctx, article_id), language)
    if text is None:
        raise NonRetryableError("Give a text, or the id of a stored article.")
    return write(text, user_id=ctx.job.user_id, job_id=ctx.job.pk, deadline=_WRITING)


def _made(ctx: Context) -> Podcast | None:
    podcast = Podcast.objects.filter(job_id=ctx.job.pk).first()
    return podcast if podcast is not None and files.is_there(podcast) else None


def _keep(ctx: Context, article_id: UUID | None, script: Script, audio: Audio, name: str) -> Podcast:
    columns = {
        "user_id": ctx.job.user_id,
        "script": script.text,
        "language": script.language,
        "audio": name,
        "content_type": audio.content_type,
        "size_bytes": audio.path.stat().st_size,
        "duration_seconds": audio.duration_seconds,
        "engine": audio.engine,
        "voice": audio.voice,
    }
    if article_id is None:
        with ctx.fenced():
            return _write(ctx, columns)
    with writing(ctx, article_id) as article:
        advance(article, Stage.SPOKEN)
        return _write(ctx, {**columns, "article": article})


def _write(ctx: Context, columns: dict[str, Any]) -> Podcast:
    files.take(columns["audio"])
    return Podcast.objects.update_or_create(job_id=ctx.job.pk, defaults=columns)[0]

"""Whether a summary may stand: judged, if refused made anew once, and at last taken from the article itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NoReturn
from uuid import UUID

from jobs import conf
from jobs.articles.languages import primary
from jobs.articles.summarizing import PROVIDER
from jobs.articles.validation import Reason, faults
from jobs.context import Context
from jobs.exceptions import NonRetryableError
from jobs.models import Article, Summary
from jobs.pipeline.generating import Generated, extractive, generate, keep, wanted_length
from jobs.pipeline.stored import Stage, advance, load_with_text, writing

#: What becomes of an accepted summary when a newer one is accepted.
SUPERSEDED: Final = Reason("superseded", "A newer summary was accepted.")

#: A refused summary and why.
Refusal = tuple[Summary, Sequence[Reason]]


def validate_stored(ctx: Context, article_id: UUID, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Judge the newest summary of a stored article, and see to it that the article has one that is accepted."""
    trial = _Trial(ctx, load_with_text(ctx, article_id), wanted)
    # Remembered: after a crash the same summary is judged with the same result, whatever has been added or changed.
    judged = ctx.task("judge", trial.judge_newest)
    first = Summary.objects.get(pk=judged["summary_id"])
    reasons = [Reason(**reason) for reason in judged["reasons"]]
    if not reasons:
        return trial.accept(first)
    ctx.progress(30, "Refused, summarizing again")
    again = ctx.task("regenerate", lambda: generate(ctx, trial.article, trial.preferences, reasons))
    if again["provider"] == PROVIDER:
        return trial.fall_back(again, [(first, reasons)])
    ctx.progress(70, "Judging the second summary")
    second = trial.keep(again)
    if not (others := trial.faults(second.text, second.provider)):
        return trial.accept(second, [(first, reasons)])
    refused = [(first, reasons), (second, others)]
    return trial.fall_back(trial.extractive(), refused) if conf.ai_fallback_enabled() else trial.give_up(refused)


class _Trial:
    """One article with what was asked for."""

    def __init__(self, ctx: Context, article: Article, wanted: Mapping[str, Any]) -> None:
        self._ctx = ctx
        self.article = article
        self.preferences = {**article.preferences, **wanted}
        self._language = primary(self.preferences.get("language"))
        self._length = wanted_length(self.preferences)

    def judge_newest(self) -> dict[str, Any]:
        """Judge the newest summary; those that this very job has made are not meant."""
        found = Summary.objects.filter(article=self.article).exclude(job_id=self._ctx.job.pk).order_by("-id").first()
        if found is None:
            raise NonRetryableError(f"The article {self.article.pk} has no summary yet: it is made by summarize first.")
        reasons = self.faults(found.text, found.provider)
        return {"summary_id": str(found.pk), "reasons": [asdict(reason) for reason in reasons]}

    def faults(self, text: str, provider: str) -> list[Reason]:
        # A headline names whom the text only speaks of.
        source = f"{self.article.title}\n{self.article.text}" if self.article.title else self.article.text
        return faults(text, source, language=self._language, length=self._length, own_words=provider != PROVIDER)

    def extractive(self) -> Generated:
        return extractive(self.article, self._length, self._language)

    def keep(self, generated: Generated) -> Summary:
        with writing(self._ctx, self.article.pk) as locked:
            return keep(self._ctx, locked, generated)

    def fall_back(self, generated: Generated, refused: Sequence[Refusal]) -> dict[str, Any]:
        """Accept sentences of the article itself, whatever is to be said of them: nothing better is to be had."""
        same = [each for each, _ in refused if (each.provider, each.text) == (PROVIDER, generated["text"])]
        chosen = same[0] if same else self.keep(generated)
        others = [(each, reasons) for each, reasons in refused if each is not chosen]
        return self.accept(chosen, others, self.faults(chosen.text, PROVIDER))

    def give_up(self, refused: Sequence[Refusal]) -> NoReturn:
        """Write the verdicts and end the job: nobody wants the article's own words instead."""
        with writing(self._ctx, self.article.pk):
            for summary, reasons in refused:
                _decide(summary, False, reasons)
        why = " ".join(reason.detail for reason in refused[-1][1])
        raise NonRetryableError(f"The summary was refused twice, and the fallback is switched off. {why}")

    def accept(
        self, chosen: Summary, refused: Sequence[Refusal] = (), remarks: Sequence[Reason] = ()
    ) -> dict[str, Any]:
        """Write the verdicts, all at once, so that an article never loses its accepted summary in between."""
        with writing(self._ctx, self.article.pk) as locked:
            before = Summary.objects.filter(article=locked, accepted=True).exclude(pk=chosen.pk)
            before.update(accepted=False, reasons=[asdict(SUPERSEDED)])
            for summary, reasons in refused:
                _decide(summary, False, reasons)
            _decide(chosen, True, remarks)
            advance(locked, Stage.VALIDATED)
        return _told(chosen, refused)


def _decide(summary: Summary, accepted: bool, reasons: Sequence[Reason]) -> None:
    summary.accepted, summary.reasons = accepted, [asdict(reason) for reason in reasons]
    summary.save(update_fields=["accepted", "reasons"])


def _told(chosen: Summary, refused: Sequence[Refusal]) -> dict[str, Any]:
    return {
        "summary_id": str(chosen.pk),
        "valid": True,
        "reasons": chosen.reasons,
        "provider": chosen.provider,
        "summary": chosen.text,
        "refused": [
            {"summary_id": str(each.pk), "provider": each.provider, "reasons": each.reasons} for each, _ in refused
        ],
    }

"""All payloads in rounds: the first is of all of them, each later one of those that the round before left undone."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs import conf
from jobs.context import Context
from jobs.many.item import Failed, do
from jobs.many.report import Outcome, PayloadsFailed, summary
from jobs.registry import JobType


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the payloads are to be done."""

    concurrency: int
    retries: int | None
    stop_after: int | None
    fail_on_error: bool
    keep_results: bool


def do_all(ctx: Context, job_type: JobType, payloads: Sequence[dict[str, Any]], wishes: Wishes) -> list[Outcome]:
    """Do every payload that is not done yet; raises PayloadsFailed after a round with failures, if that is wished.

    An attempt that comes after that, because somebody redrove the job, begins the next round.
    """
    outcomes: list[Outcome] = [{} for _ in payloads]
    undone = list(range(len(payloads)))
    number = 0
    while undone:
        number += 1
        items = [{"index": index, "payload": payloads[index]} for index in undone]
        done = ctx.map(
            f"round {number}", Round(ctx, job_type, wishes).do, items, concurrency=min(wishes.concurrency, len(items))
        )
        for index, outcome in zip(undone, done, strict=True):
            outcomes[index] = outcome
        undone = [index for index in undone if "done" not in outcomes[index]]
        if not wishes.fail_on_error:
            break
        if undone and _ended_now(ctx, number):
            raise PayloadsFailed(summary(outcomes))
    return outcomes


def _ended_now(ctx: Context, number: int) -> bool:
    """Tell whether a round has ended in this attempt; in a later one it is not the last."""
    return bool(ctx.task(f"attempt of round {number}", lambda: ctx.attempt) == ctx.attempt)


class Round:
    """Does single payloads, in several threads, and counts what is common to them."""

    def __init__(self, ctx: Context, job_type: JobType, wishes: Wishes) -> None:
        self._ctx, self._job_type, self._wishes = ctx, job_type, wishes
        # Read here: the threads of the items would each ask for it.
        self._owner = ctx.job.user_id
        self._counting = threading.Lock()
        self._failures = 0
        #: Characters of results that may still be kept: half of what the job's own result may have.
        self._room = conf.result_max_bytes() // 2

    def do(self, item: dict[str, Any]) -> Outcome:
        """Give what came of a payload, as it is remembered."""
        most = self._wishes.stop_after
        if most is not None and self._failures >= most:
            return {"skipped": True}
        text = do(self._ctx, self._owner, self._job_type, item["index"], item["payload"], self._wishes.retries)
        if isinstance(text, Failed):
            with self._counting:
                self._failures += 1
            return {"failed": text.code, "message": text.message}
        return {"done": True, **self._kept(text)}

    def _kept(self, text: str | None) -> Outcome:
        if not self._wishes.keep_results or text is None:
            return {}
        with self._counting:
            self._room -= len(text)
            return {"result": json.loads(text)} if self._room >= 0 else {}

"""One call to a provider: allowed, paid for, made, and written down.

What it may cost at most is put aside before it and settled after it, so no number of calls at once spends more than a
user may, and neither does a process that dies in between: what it had put aside stays spent.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import transaction

from accounts.rate_limits import spend
from jobs import conf
from jobs.ai import circuits, spending
from jobs.ai.circuits import Admission
from jobs.ai.failures import Outcome, ProviderError, Skipped
from jobs.ai.prompts import Prompt
from jobs.ai.providers import Answer, Caller
from jobs.models import ProviderCall, ProviderDay
from jobs.models.columns import ClockTimestamp

if TYPE_CHECKING:
    # At run time it would be a circle: each model makes its calls by this.
    from jobs.ai.language_model import LanguageModel

_log = logging.getLogger("jobs.ai")

#: A tokenizer makes at most one token of a byte, and some of what is around the text.
_AROUND: Final = 500
#: Seconds after a call must have ended, before it is taken for lost.
_MARGIN: Final = 60.0
_CENT_OF_A_CENT: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class _Begun:
    admission: Admission
    call_id: UUID
    reserved: Decimal


def call(model: LanguageModel, prompt: Prompt, purpose: str, caller: Caller, judged: Callable[[Answer], str]) -> Answer:
    """Ask once. `judged` makes of the answer the text that is wanted, or raises Unusable.

    Raises Skipped if it may not be asked now, and what asking raises. Must not be called inside a transaction: it would
    be open during the call.
    """
    within = min(conf.ai_request_timeout(), caller.within or float("inf"))
    try:
        begun = _begin(model, prompt, purpose, caller, within)
    except Skipped as skipped:
        ProviderDay.objects.count_call(model.name, skipped.outcome)
        _log.info("provider skipped provider=%s code=%s", model.name, skipped.code)
        raise
    began = time.monotonic()
    try:
        answer = model.ask(prompt, within)
        answer = replace(answer, text=judged(answer))
    except ProviderError as error:
        _end(model, begun, time.monotonic() - began, error, error.input_tokens, error.output_tokens)
        raise
    _end(model, begun, time.monotonic() - began, None, answer.input_tokens, answer.output_tokens)
    return answer


def _begin(model: LanguageModel, prompt: Prompt, purpose: str, caller: Caller, within: float) -> _Begun:
    reserved = _rounded(model.cost.of(_most_input(prompt), prompt.most_tokens))
    # All or nothing: a refusal by the one gives back what the other has taken.
    with transaction.atomic(durable=True):
        admission = circuits.admit(model.name, within + _MARGIN)
        day = spending.reserve(caller.user_id, reserved)
        _keep_pace(model)
        made = ProviderCall.objects.create(
            provider=model.name,
            model=model.model,
            purpose=purpose,
            user_id=caller.user_id,
            job_id=caller.job_id,
            reserved=reserved,
            day=day,
            expires_at=ClockTimestamp() + timedelta(seconds=within + _MARGIN),
        )
    return _Begun(admission, made.pk, reserved)


def _keep_pace(model: LanguageModel) -> None:
    limit = model.rate_limit
    if not limit.requests_per_minute:
        return
    decision = spend(f"ai:{model.name}", limit.requests_per_minute, limit.burst)
    if not decision.accepted:
        message = f"The provider {model.name} gets no more requests in this minute."
        raise Skipped("requests_per_minute", message, retry_after=decision.reset_after)


def _end(
    model: LanguageModel,
    begun: _Begun,
    seconds: float,
    error: ProviderError | None,
    input_tokens: int,
    output_tokens: int,
) -> None:
    cost = _rounded(model.cost.of(input_tokens, output_tokens))
    if error is not None and error.charged:
        cost = begun.reserved
    outcome = Outcome.ANSWERED if error is None else error.outcome
    with transaction.atomic(durable=True):
        circuits.learn(begun.admission, error)
        spending.settle(
            begun.call_id,
            outcome=outcome,
            error_code=error.code if error else "",
            cost=cost,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            seconds=seconds,
        )
    _log.log(
        logging.INFO if error is None else logging.WARNING,
        # Not "tokens": that is a word that secrets stand behind.
        "provider called provider=%s model=%s outcome=%s code=%s seconds=%.2f read=%d written=%d cost=%.6f",
        *(model.name, model.model, outcome, error.code if error else "", seconds, input_tokens, output_tokens, cost),
    )


def _most_input(prompt: Prompt) -> int:
    return len(prompt.instructions.encode()) + len(prompt.data.encode()) + _AROUND


def _rounded(cost: Decimal) -> Decimal:
    return cost.quantize(_CENT_OF_A_CENT, rounding=ROUND_UP)

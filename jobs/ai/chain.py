"""Which providers there are, and asking them one after the other."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Final
from uuid import UUID

from jobs import conf
from jobs.ai.claude import Claude
from jobs.ai.failures import ProviderError, Skipped
from jobs.ai.groq import Groq
from jobs.ai.language_model import LanguageModel
from jobs.ai.providers import Answer, Caller
from jobs.ai.slots import slot
from jobs.models import ProviderDay

_log = logging.getLogger("jobs.ai")

MODELS: Final[dict[str, type[LanguageModel]]] = {model.name: model for model in (Groq, Claude)}

#: Of the time for all: what is left for the article's own beginning, and for writing down.
_LEFT_OVER: Final = 0.1
#: Of the lock's duration: all providers together must come to their end well before the job could be another worker's.
_OF_THE_LOCK: Final = 0.8
#: Seconds; no model writes a summary in less.
_LEAST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer of the first provider that had one."""

    model: LanguageModel
    answer: Answer


def configured() -> list[LanguageModel]:
    """Give the models that can be asked: those with a key whose client is installed, in the order of the settings."""
    classes = [MODELS[name] for name in conf.ai_providers()]
    return [made() for made in classes if conf.of_provider(made.prefix, "API_KEY") and find_spec(made.package)]


def ask_in_turn(
    ask: Callable[[LanguageModel, Caller], Answer], *, user_id: Any, job_id: UUID | None, deadline: float
) -> Asked | None:
    """Ask the models in turn until one answers, within `deadline` seconds for all; None: none could.

    Without the fallback only the first one is asked, and its error raised.
    """
    models = configured()
    if not models:
        return None
    turn = _Turn(time.monotonic() + min(deadline, _OF_THE_LOCK * conf.lock_duration()) * (1 - _LEFT_OVER))
    caller = Caller(user_id, job_id)
    if not conf.ai_fallback_enabled():
        with slot(turn.left(), patience=turn.left() / 2):
            return Asked(models[0], ask(models[0], replace(caller, within=turn.left())))
    try:
        with slot(turn.left(), patience=turn.left() / 2):
            return _first(models, ask, caller, turn)
    except Skipped as skipped:  # of the slot: no model was asked
        _log.warning("no provider is asked code=%s", skipped.code)
        for model in models:
            ProviderDay.objects.count_call(model.name, skipped.outcome)
        ProviderDay.objects.count_fallback(models[-1].name, skipped.outcome)
        return None


@dataclass(frozen=True, slots=True)
class _Turn:
    #: On this process's clock.
    end: float

    def left(self) -> float:
        return max(self.end - time.monotonic(), 0.001)


def _first(
    models: list[LanguageModel], ask: Callable[[LanguageModel, Caller], Answer], caller: Caller, turn: _Turn
) -> Asked | None:
    for number, model in enumerate(models):
        # Each has a fair share of what is left, so that a slow one does not take the next one's time.
        share = turn.left() / (len(models) - number)
        if share < _LEAST:
            break
        try:
            return Asked(model, ask(model, replace(caller, within=share)))
        except ProviderError as error:
            ProviderDay.objects.count_fallback(model.name, error.outcome)
    return None

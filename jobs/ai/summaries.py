"""Summaries by the first provider that can write one."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from jobs.ai.chain import ask_in_turn
from jobs.ai.extractive import Extractive
from jobs.ai.language_model import LanguageModel
from jobs.ai.providers import Answer, Caller, Preferences, Provider, Source
from jobs.articles.exceptions import NoTextFound
from jobs.articles.languages import detect
from jobs.articles.summarizing import Length
from jobs.articles.validation import Reason
from jobs.models import ProviderCall, ProviderDay


@dataclass(frozen=True, slots=True)
class GeneratedSummary:
    """A summary, who wrote it, and what it cost in US dollars."""

    text: str
    #: What it really is in; None: too little to tell.
    language: str | None
    length: Length
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cost: Decimal


def generate_summary(
    content: str,
    preferences: Preferences,
    *,
    user_id: Any,
    job_id: UUID | None,
    deadline: float,
    language_of_source: str | None = None,
    refused: Sequence[Reason] = (),
    title: str = "",
) -> GeneratedSummary:
    """Have a summary written within `deadline` seconds.

    The providers are tried in their order; the last one is the article's own beginning, which always answers, unless
    there is no text at all (NoTextFound). `refused` says what was wrong with the last summary; `user_id` is the user's
    primary key. Where the fallback is switched off and a model is configured, only that one is asked, and what goes
    wrong is raised for the queue to retry or wait. Not to be called in a transaction.
    """
    if not any(char.isalnum() for char in content):
        raise NoTextFound
    source = Source(title, language_of_source, refused)

    def ask(provider: Provider, caller: Caller) -> Answer:
        return provider.generate_summary(content, preferences, source=source, caller=caller)

    asked = ask_in_turn(ask, user_id=user_id, job_id=job_id, deadline=deadline)
    made = partial(_made, preferences=preferences, language_of_source=language_of_source)
    if asked is not None:
        return made(asked.model, asked.answer)
    last = Extractive()
    answer = ask(last, Caller(user_id, job_id))
    ProviderDay.objects.count_call(last.name, ProviderCall.Outcome.ANSWERED)
    return made(last, answer)


def _made(
    provider: LanguageModel | Extractive, answer: Answer, *, preferences: Preferences, language_of_source: str | None
) -> GeneratedSummary:
    return GeneratedSummary(
        text=answer.text,
        language=detect(answer.text) or language_of_source,
        length=preferences.length,
        provider=provider.name,
        model=provider.model,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost=provider.cost.of(answer.input_tokens, answer.output_tokens),
    )

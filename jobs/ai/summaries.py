"""Summaries by the first provider that can write one."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from jobs.ai.extractive import Extractive
from jobs.ai.providers import Preferences
from jobs.articles.languages import detect
from jobs.articles.summarizing import Length
from jobs.articles.validation import Reason


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
    there is no text at all (NoTextFound). `refused` says what was wrong with the last summary.
    """
    provider = Extractive()
    answer = provider.generate_summary(content, preferences)
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

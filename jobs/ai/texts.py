"""Texts that a model writes by instructions of ours, such as the script of a podcast."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from jobs.ai.chain import ask_in_turn
from jobs.ai.language_model import LanguageModel
from jobs.ai.providers import Answer, Caller


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """A text, who wrote it, and what it cost in US dollars."""

    text: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cost: Decimal


def generate_text(
    instructions: str,
    content: str,
    *,
    purpose: str,
    most_tokens: int,
    user_id: Any,
    job_id: UUID | None,
    deadline: float,
) -> GeneratedText | None:
    """Have a text written by `instructions` from `content` within `deadline` seconds.

    None: no provider could, or none may; the caller has a way of its own. The content is data, whatever it says; the
    instructions must be ours alone. Where the fallback is switched off, what goes wrong is raised instead.
    """

    def ask(model: LanguageModel, caller: Caller) -> Answer:
        return model.generate_text(instructions, content, purpose=purpose, most_tokens=most_tokens, caller=caller)

    asked = ask_in_turn(ask, user_id=user_id, job_id=job_id, deadline=deadline)
    if asked is None:
        return None
    model, answer = asked.model, asked.answer
    return GeneratedText(
        text=answer.text,
        provider=model.name,
        model=model.model,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost=model.cost.of(answer.input_tokens, answer.output_tokens),
    )

"""Texts that a model writes by instructions of ours, such as the script of a podcast."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID


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

    None: no provider could, or none may; the caller has a way of its own. The content is data, whatever it says.
    """
    return None

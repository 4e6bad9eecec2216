"""Functions in other languages: how they are called, and the queues in which their own workers find them.

A worker of one language can do nothing with the jobs of another, so each language has a queue of its own. Python's
workers pass over these queues unless they are told of one by name.
"""

from typing import Final

PYTHON: Final = "python"
QUEUE_PREFIX: Final = "lang."


def language_title(language: str, title: str) -> str:
    """Give the name that callers use: `python-summarize`."""
    return f"{language}-{title}"


def queue_of(language: str) -> str:
    """Give the queue of a language other than Python."""
    return f"{QUEUE_PREFIX}{language}"


def is_foreign(queue: str) -> bool:
    """Tell whether the queue belongs to workers of another language."""
    return queue.startswith(QUEUE_PREFIX)

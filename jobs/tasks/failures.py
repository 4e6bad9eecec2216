"""Errors of tasks, written down and made again: a handler that went on from one goes on from it every time."""

import sys
from functools import reduce
from typing import Any, Final

from jobs.exceptions import TaskFailed
from jobs.payloads import storable
from jobs.scrubbing import scrub_head

MESSAGE_MAX_CHARACTERS: Final = 2_000


def class_of(error: BaseException) -> str:
    return f"{type(error).__module__}:{type(error).__qualname__}"


def message_of(error: BaseException) -> str:
    """Give an error's message as it is kept: bounded and without secrets."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an error that cannot be printed is still one
        text = ""
    return scrub_head(storable(text or type(error).__name__), MESSAGE_MAX_CHARACTERS)


def remade(error_class: str | None, message: str | None) -> Exception:
    """Make an error that a handler catches as it caught the first: of the same class, with the same message.

    Only classes of modules that are loaded are looked for, since a handler that names one has loaded it; nothing is
    imported for the sake of a row. Attributes beyond the message are not there.
    """
    module, _, name = (error_class or "").partition(":")
    found: Any = reduce(lambda place, part: getattr(place, part, None), name.split("."), sys.modules.get(module))
    text = message or ""
    if isinstance(found, type) and issubclass(found, Exception):
        error: Exception = found.__new__(found, text)
        # Its __init__ may want anything, and is not called.
        error.args = (text,)
        return error
    return TaskFailed(f"{name or 'An error'}: {text}")

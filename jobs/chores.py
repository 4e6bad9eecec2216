"""What workers do now and then, beside jobs: apps register it here, the queue's own chores as well."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Chore:
    """Work that some worker does every `interval` seconds."""

    name: str
    #: Seconds from the begin of one run to the next; a longer run is followed by the next one at once.
    interval: float
    act: Callable[[], object]


chores: Final[dict[str, Chore]] = {}


def chore(name: str, interval: float, act: Callable[[], object]) -> None:
    """Have one worker of all call `act` every `interval` seconds; once, however often it is said.

    It is called outside a transaction, in a thread that all chores share, so it should not take minutes. What it raises
    is logged, and kept in the table job_chores, and the next run is due as if nothing had happened. If a worker dies or
    takes longer than a quarter of an hour, another one begins anew: a second run beside the first must do no harm.
    """
    chores[name] = Chore(name, interval, act)

"""Priorities that depend on who submits a job."""

from collections.abc import Callable
from typing import Any, Final

from accounts.tiers import Tier

#: Gives the priority of a new job of this owner; of nobody's with None, which is the one that lists tell.
PriorityOf = Callable[[Any], int]

#: The named levels: a tier moves a job within its level, never past what somebody waits for.
LEVELS: Final = (range(1, 4), range(4, 7), range(7, 10), range(10, 11))

_STEPS: Final = {Tier.FREE: -1, Tier.STANDARD: 0, Tier.PREMIUM: 1}


def by_tier(usual: int) -> PriorityOf:
    """Make a priority that is one higher for premium users and one lower for free ones, within its named level.

        @job("summarize", priority=by_tier(7))

    Raises ValueError for a number outside of the levels, 1 to 10.
    """
    level = next((level for level in LEVELS if usual in level), None)
    if level is None:
        raise ValueError(f"The priority {usual} is in no named level: those are from 1 to 10.")
    found = {tier: min(max(usual + step, level[0]), level[-1]) for tier, step in _STEPS.items()}

    def priority_of(user: Any) -> int:
        return found.get(getattr(user, "tier", None), usual)  # type: ignore[arg-type]

    return priority_of

"""What somebody wants done to many rows, and what of that is refused before anything is written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jobs.bulk.acts import Action, action_of
from jobs.bulk.selectors import checked_selector
from jobs.exceptions import InvalidOption
from jobs.payloads import check_text

REASON_MAX_LENGTH: Final = 2_000
#: Rows a second.
FASTEST: Final = 100_000.0
SLOWEST: Final = 0.001
MOST_ITEMS: Final = 1_000_000_000
#: More would be no canary; each of their jobs is looked at while it is watched.
LARGEST_CANARY: Final = 1_000
LONGEST_WATCH: Final = 86_400.0
WATCH: Final = 600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """One act on all rows of a selection; `checked` says whether it can be like this.

    `selector` is {"ids": […]}, {"filter": {…}} by the names of the lists' query parameters, or {"failures_of": id}.
    """

    #: "job" or "dead_letter".
    target: str
    action: str
    selector: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    rate_per_second: float | None = None
    max_items: int | None = None
    canary: int | None = None
    #: Whether it goes on by itself once all jobs of the canary have succeeded.
    canary_proceeds: bool = False
    canary_seconds: float = WATCH

    def checked(self) -> "Wish":
        """Give it with its selector and arguments as they are stored; raises InvalidOption."""
        act = self.act()
        if wrong := check_text(self.reason):
            raise InvalidOption("reason", f"{wrong[1]}.")
        if len(self.reason) > REASON_MAX_LENGTH:
            raise InvalidOption("reason", f"must have at most {REASON_MAX_LENGTH:,} characters.")
        if self.rate_per_second is not None:
            check_rate(self.rate_per_second)
        _check_whole("max_items", self.max_items, MOST_ITEMS)
        _check_whole("canary", self.canary, LARGEST_CANARY)
        if self.canary_proceeds and self.canary is None:
            raise InvalidOption("canary_proceeds", "needs a canary.")
        if not 1 <= self.canary_seconds <= LONGEST_WATCH:
            raise InvalidOption("canary_seconds", f"must be between 1 and {LONGEST_WATCH:g}.")
        return Wish(
            self.target,
            self.action,
            checked_selector(self.target, self.selector),
            act.checked(self.arguments),
            self.reason,
            self.rate_per_second,
            self.max_items,
            self.canary,
            self.canary_proceeds,
            self.canary_seconds,
        )

    def looked_at(self) -> "Wish":
        """Give it as a look needs it, whatever it says beside target, action and selector; raises InvalidOption."""
        self.act()
        return Wish(self.target, self.action, checked_selector(self.target, self.selector))

    def act(self) -> Action:
        """Give what is to be done to each row; raises InvalidOption for what cannot be done to many."""
        return action_of(self.target, self.action)


def check_rate(rate: float) -> None:
    """Raise InvalidOption for a rate that is none."""
    if not (math.isfinite(rate) and SLOWEST <= rate <= FASTEST):
        raise InvalidOption("rate_per_second", f"must be between {SLOWEST:g} and {FASTEST:,.0f}.")


def _check_whole(name: str, value: int | None, most: int) -> None:
    if value is not None and not 1 <= value <= most:
        raise InvalidOption(name, f"must be between 1 and {most:,}.")

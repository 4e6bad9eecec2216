"""Between Django's priorities, -100 to 100, and ours, 0 to 100. Larger is more urgent in both."""

from typing import Final

from jobs.statuses import Priority

#: Ours of a task with Django's default priority, 0: beside other jobs a task that says nothing is like any of them.
MIDDLE: Final = int(Priority.NORMAL)
#: How many levels there are for priorities above 0.
ABOVE: Final = 100 - MIDDLE


def level_of(priority: int) -> int:
    """Give our priority of one of Django's.

    0 is NORMAL. The levels above it are for 1 to 100, nearly one for each; -1 to -100 share those below by twenties.
    The order of two priorities is never turned round, and what is above, at or below the default stays there.
    """
    # Rounded away from 0, so that a sign is never lost.
    return MIDDLE - (-priority * ABOVE // 100) if priority > 0 else MIDDLE + (priority * MIDDLE // 100)


def priority_at(level: int) -> int:
    """Give the priority of Django's that a level of ours stands for: the one furthest from 0."""
    if level > MIDDLE:
        return (level - MIDDLE) * 100 // ABOVE
    return (level - MIDDLE) * 100 // MIDDLE

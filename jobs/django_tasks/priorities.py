"""Between Django's priorities, -100 to 100, and ours, 0 to 100. Larger is more urgent in both."""

from typing import Final

#: Ours of a task with Django's default priority, 0.
MIDDLE: Final = 50


def level_of(priority: int) -> int:
    """Give our priority of one of Django's.

    Two neighbours share a level (1 and 2, 3 and 4, -1 and -2 …), 0 has one for itself: the order of two priorities is
    never turned round, and what is above, at or below the default stays there.
    """
    return MIDDLE + (priority + 1) // 2 if priority > 0 else MIDDLE + (priority // 2)


def priority_at(level: int) -> int:
    """Give the priority of Django's that a level of ours stands for: the one further from 0."""
    return 2 * (level - MIDDLE)

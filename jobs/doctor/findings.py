"""What a check says, as values."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is; what could not be looked at is neither well nor ill."""

    OK = 0
    UNKNOWN = 1
    WARN = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    #: One sentence, with the number.
    what: str
    #: The command or the SQL that helps, as it can be typed.
    advice: str = ""
    #: Which check said it; filled in by whoever ran the check.
    check: str = ""


def ok(what: str) -> Finding:
    return Finding(Severity.OK, what)


def unknown(what: str, advice: str) -> Finding:
    return Finding(Severity.UNKNOWN, what, advice)


def warn(what: str, advice: str) -> Finding:
    return Finding(Severity.WARN, what, advice)


def critical(what: str, advice: str) -> Finding:
    return Finding(Severity.CRITICAL, what, advice)


def graded(value: float, limits: tuple[float, float], what: str, advice: str) -> Finding:
    """Give what is critical from the second limit on, and a warning from the first."""
    if value < limits[0]:
        return ok(what)
    return critical(what, advice) if value >= limits[1] else warn(what, advice)


def lasting(seconds: float) -> str:
    """Word a length of time as people do: 45 seconds, 12 minutes, 3 hours, 2 days."""
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"

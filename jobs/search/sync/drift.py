"""What does not agree between the jobs and an index of them."""

from dataclasses import dataclass
from enum import Enum
from typing import Self


class Kind(Enum):
    """How a document and its job differ, which no change that is still to be sent explains."""

    #: The job has no document.
    MISSING = "missing"
    #: The document is of an earlier version.
    STALE = "stale"
    #: The document has no job.
    ORPHANED = "orphaned"
    #: The document is of a version that the job has yet to reach: the database is a restored one.
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Drift:
    """How many documents were not as they should be, and how many jobs were looked at."""

    missing: int = 0
    stale: int = 0
    orphaned: int = 0
    #: They are not repaired: the engine keeps the latest version that it was ever sent. A new index is what helps.
    newer: int = 0
    checked: int = 0

    @property
    def total(self) -> int:
        return self.missing + self.stale + self.orphaned + self.newer

    def __add__(self, other: Self) -> "Drift":
        return Drift(
            self.missing + other.missing,
            self.stale + other.stale,
            self.orphaned + other.orphaned,
            self.newer + other.newer,
            self.checked + other.checked,
        )

    def __str__(self) -> str:
        found = f"{self.missing:,} missing, {self.stale:,} stale, {self.orphaned:,} orphaned"
        return f"{found}, {self.newer:,} newer than their jobs" if self.newer else found

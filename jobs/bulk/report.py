"""What came of one chunk of rows."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from jobs.announce import Lane

SKIPPED: Final = "skipped"
FAILED: Final = "failed"
GONE: Final = "It is not there any more."


@dataclass(slots=True)
class Report:
    """Rows that were acted on, those that could not be, and those that have to be asked again."""

    done: int = 0
    #: The jobs that were put back to work by it.
    jobs: list[UUID] = field(default_factory=list)
    #: Each with "skipped" or "failed", and the reason.
    refused: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    #: Locked by others just now, or to be had one by one.
    later: list[UUID] = field(default_factory=list)
    #: Where workers find something new to do.
    lanes: set[Lane] = field(default_factory=set)

    def skip(self, row_id: UUID, reason: str) -> None:
        self.refused[row_id] = (SKIPPED, reason)

    def fail(self, row_id: UUID, reason: str) -> None:
        self.refused[row_id] = (FAILED, reason)

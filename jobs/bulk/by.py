"""Who acts on many rows and why, as every row's audit entry has it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class By:
    #: None is the system.
    actor: Any
    actor_name: str
    reason: str
    operation: UUID

    @property
    def details(self) -> dict[str, str]:
        """What tells the entries of one operation from those of acts on single rows."""
        return {"bulk_operation": str(self.operation)}

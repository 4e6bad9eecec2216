"""What is written to an index, and what became of it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

#: The item is refused for a while, whatever it holds and under whichever status.
_FOR_NOW: Final = frozenset({"cluster_block_exception", "es_rejected_execution_exception", "index_closed_exception"})


def writes(index: str) -> str:
    """Name the alias that documents are written by: of an index that is gone it is gone too, and makes no new one."""
    return f"{index}-writes"


@dataclass(frozen=True, slots=True)
class Operation:
    """Have the index hold this document in this version, or none; what it has in a later version stays."""

    index: str
    id: str
    version: int
    #: None deletes.
    document: dict[str, Any] | None

    def lines(self) -> bytes:
        """Give what a bulk request says of it; its length is what it adds to the request's."""
        address = {"_index": writes(self.index), "_id": self.id, "version": self.version}
        action = {self.verb: {**address, "version_type": "external_gte"}}
        parts = [action] if self.document is None else [action, self.document]
        return b"".join(encode(part) + b"\n" for part in parts)

    @property
    def verb(self) -> str:
        return "delete" if self.document is None else "index"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What the engine did with one operation."""

    index: str
    id: str
    status: int
    error_type: str = ""
    reason: str = ""

    @property
    def done(self) -> bool:
        """The index holds this version, or has a later one; or there was nothing to delete."""
        return self.status < 300 or self.status == 409 or (self.status == 404 and not self.error_type)

    @property
    def passing(self) -> bool:
        """It may be taken later as it is: the engine is busy, we may not write, the index is read-only or away."""
        busy = self.status in {401, 403, 408, 429} or self.status >= 500
        return not self.done and (busy or self.error_type in _FOR_NOW)

    @property
    def index_gone(self) -> bool:
        return self.status == 404 and bool(self.error_type)

    @property
    def poisonous(self) -> bool:
        """It will not be taken as it is."""
        return not (self.done or self.passing or self.index_gone)


def bulk_body(operations: Iterable[Operation]) -> bytes:
    """Write a bulk request."""
    return b"".join(operation.lines() for operation in operations)


def encode(value: Any) -> bytes:
    """Write JSON, on one line."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Half a surrogate pair is no text; the whole request would be refused for it.
    return text.encode("utf-8", "replace")

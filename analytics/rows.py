"""What the request log is written from: small values, complete as they are made, so that nothing is read later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from jobs.payloads import storable

#: The largest that the column holds: 24 days.
LONGEST_DURATION_MS: Final = 2_147_483_647


def time_of(row_id: UUID) -> datetime:
    """Give the time inside a UUIDv7: the row's timestamp, and so its partition."""
    return datetime.fromtimestamp((row_id.int >> 80) / 1000, UTC)


def milliseconds_since(row_id: UUID, now: datetime) -> int:
    """Give the time since the id was made; clocks differ, so never less than nothing."""
    return min(max(0, int(now.timestamp() * 1000) - (row_id.int >> 80)), LONGEST_DURATION_MS)


def json_text(value: Any) -> str | None:
    """Write a value as JSON that PostgreSQL takes; it is for people, so what does not fit is worded otherwise."""
    if value is None:
        return None
    return storable(json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < 1e300 else str(value)
    if isinstance(value, dict):
        return {storable(str(key)): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return storable(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class RequestRow:
    """What the web process knows. JSON columns are texts already."""

    id: UUID
    request_id: str
    language_title: str
    client_ip: str
    user_id: str
    request_headers: str | None
    request_payload: str | None
    response_payload: str | None
    status_code: int
    duration_ms: int
    cached: bool
    error_details: str | None = None
    runtime_metrics: str | None = None

    @property
    def size(self) -> int:
        return 400 + sum(
            len(text or "") for text in (self.request_headers, self.request_payload, self.response_payload)
        )


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """How a request's work ended; the owner is known by primary key, as jobs know theirs."""

    id: UUID
    request_id: str
    language_title: str
    user_pk: str | None
    response_payload: str | None
    status_code: int
    duration_ms: int
    error_details: str | None
    runtime_metrics: str | None
    #: More than one: errors of earlier attempts may have been missed, and are looked up.
    attempts: int = 1

    @property
    def size(self) -> int:
        return 400 + len(self.response_payload or "") + len(self.error_details or "")


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One failed attempt."""

    id: UUID
    request_log_id: UUID
    timestamp: datetime
    user_pk: str | None
    error_code: str
    error_message: str
    stack_trace: str
    context: str | None

    @property
    def size(self) -> int:
        return 400 + len(self.error_message) + len(self.stack_trace)


def error_id(job_id: UUID, attempt: int, at: datetime) -> UUID:
    """Name the error of an attempt, the same whoever reports it: a second report changes nothing."""
    said = int.from_bytes(blake2b(f"{job_id}:{attempt}".encode(), digest_size=10).digest())
    number = (int(at.timestamp() * 1000) << 80) | said
    # Version 7, variant 10.
    number = number & ~(0xF << 76) | (0x7 << 76)
    return UUID(int=number & ~(0x3 << 62) | (0x2 << 62))

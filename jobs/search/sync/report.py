"""The status of search in words, and as JSON."""

from collections.abc import Iterator
from typing import Any

from jobs.models import SearchIndex
from jobs.search.sync.state import MOST_COUNTED
from jobs.search.sync.status import IndexStatus, Status


def lines(status: Status) -> Iterator[str]:
    """Say how search stands, what is to be sent, and at the end what is wrong."""
    yield f"engine: {status.engine or 'none'}"
    yield f"alias: {status.alias} -> {', '.join(status.leads_to) or 'nothing'}"
    for index in status.indexes:
        yield f"index: {_of_index(index)}"
    figures = status.figures
    more = "more than " if figures.dirty >= MOST_COUNTED else ""
    yield (
        f"to send: {more}{figures.dirty:,} changes, {figures.tombstones:,} deletions; "
        f"the oldest has waited for {figures.lag:,.1f} s"
    )
    for slot, holder in status.holders.items():
        yield f"sending: slot {slot}, {holder}"
    for rejection in status.rejections:
        yield f"refused: {rejection.job_id} version {rejection.version}, {rejection.tries} times: {_head(rejection)}"
    for trouble in status.troubles:
        yield f"! {trouble}"
    if not status.troubles:
        yield "All is in step."


def as_json(status: Status) -> dict[str, Any]:
    """Give the same for programs."""
    return {
        "engine": status.engine,
        "answers": status.answers,
        "alias": {"name": status.alias, "leads_to": status.leads_to},
        "indexes": [_index_json(index) for index in status.indexes],
        "dirty": status.figures.dirty,
        "tombstones": status.figures.tombstones,
        "lag_seconds": status.figures.lag,
        "rejections": status.figures.rejections,
        "slots_held": {str(slot): holder for slot, holder in status.holders.items()},
        "troubles": status.troubles,
    }


def _of_index(index: IndexStatus) -> str:
    row = index.row
    words = [f"{row.name} {row.state}"]
    if row.state == SearchIndex.State.BUILDING:
        words.append(f"{row.loaded:,} of about {max(row.expected, row.loaded):,} jobs loaded")
    if index.documents is not None:
        words.append(f"{index.documents:,} documents")
    if index.health is not None:
        words.append(index.health)
    if row.reconciled_at is not None:
        found = f"{row.missing or 0:,} missing, {row.stale or 0:,} stale, {row.orphaned or 0:,} orphaned"
        words.append(f"reconciled {row.reconciled_at:%Y-%m-%d %H:%M} ({found})")
    return ", ".join(words)


def _index_json(index: IndexStatus) -> dict[str, Any]:
    row = index.row
    return {
        "name": row.name,
        "state": row.state,
        "mapping_version": row.mapping_version,
        "loaded": row.loaded,
        "expected": row.expected,
        "documents": index.documents,
        "health": index.health,
        "reconciled_at": row.reconciled_at and row.reconciled_at.isoformat(),
        "missing": row.missing,
        "stale": row.stale,
        "orphaned": row.orphaned,
    }


def _head(rejection: Any) -> str:
    return str(rejection.error_message).partition("\n")[0][:200]

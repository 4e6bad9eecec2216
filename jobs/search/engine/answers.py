"""What the engine answered, judged before anything is made of it: it may be cut off, of another shape, or a lie."""

import json
from collections.abc import Sequence
from typing import Any, Final, TypeGuard

from jobs.articles.answers import wait_of
from jobs.scrubbing import scrub_head
from jobs.search.engine.failures import EngineAway, EngineError, Nonsense, NotFound, Refused, TooLarge
from jobs.search.engine.hosts import Answer
from jobs.search.engine.operations import ItemResult, Operation

_LONGEST_REASON: Final = 500
#: It is not for us to wait longer than that because of one answer.
_LONGEST_WAIT: Final = 300.0
#: Refusals that pass, and whose status says otherwise.
_PASSING: Final = frozenset({"cluster_block_exception"})


def document(answer: Answer) -> dict[str, Any]:
    """Read an answer that says yes; raises the EngineError that any other is."""
    if not 200 <= answer.status < 300:
        raise failure(answer)
    found = _json(answer.body)
    if not isinstance(found, dict):
        raise Nonsense(answer.status, "no_json", "it is no JSON object")
    return found


def failure(answer: Answer) -> EngineError:
    """Give the error that an answer is."""
    kind, reason = _error(_json(answer.body))
    status = answer.status
    if status == 404:
        return NotFound(status, kind or "not_found", reason)
    if status == 413:
        return TooLarge(status, kind or "too_large", reason)
    if status in {408, 429} or status >= 500 or kind in _PASSING:
        return EngineAway(status, kind or "unavailable", reason, _wait(answer))
    if status < 400:
        # It may lead anywhere, and the key with it.
        return Nonsense(status, "redirect" if status >= 300 else "unexpected_status", f"it answered {status}")
    return Refused(status, kind or "refused", reason)


def acknowledged(answer: Answer) -> None:
    """See that a change was taken by the whole engine."""
    if document(answer).get("acknowledged") is not True:
        raise EngineAway(answer.status, "not_acknowledged", "it has not taken the change everywhere yet")


def whole(found: dict[str, Any], status: int = 200) -> dict[str, Any]:
    """Refuse an answer to which some shards added nothing: it is not exact."""
    shards = found.get("_shards")
    if not isinstance(shards, dict) or not _is_count(shards.get("failed")):
        raise Nonsense(status, "no_shards", "it does not say which shards have answered")
    if shards["failed"] or found.get("timed_out", False) is not False:
        raise EngineAway(status, "partial", "it answered from some of its shards only")
    return found


def hits(found: dict[str, Any]) -> dict[str, Any]:
    """See that it is the answer to a search, and give its total as both products of today do: value and relation."""
    block = found.get("hits")
    if not isinstance(block, dict) or not isinstance(block.get("hits"), list):
        raise Nonsense(200, "no_hits", "it has no hits, nor an empty list of them")
    if not all(isinstance(hit, dict) and isinstance(hit.get("_id"), str) for hit in block["hits"]):
        raise Nonsense(200, "no_hits", "it has hits without an id")
    total = block.get("total")
    if _is_count(total):
        block["total"] = total = {"value": total, "relation": "eq"}
    if total is not None and not (isinstance(total, dict) and _is_count(total.get("value"))):
        raise Nonsense(200, "no_total", "it has a total that is no number")
    return found


def items(found: dict[str, Any], operations: Sequence[Operation]) -> list[ItemResult]:
    """Give what became of each operation, in their order."""
    listed = found.get("items")
    if not isinstance(listed, list) or len(listed) != len(operations):
        raise Nonsense(200, "items", "it has not one item for each operation")
    return [_item(item, operation) for item, operation in zip(listed, operations, strict=True)]


def aggregations(found: dict[str, Any], asked: dict[str, Any]) -> None:
    """See that it counts what the search asked it to."""
    wanted = asked.get("aggs") or asked.get("aggregations")
    counted = found.get("aggregations")
    if wanted and not (isinstance(counted, dict) and all(isinstance(counted.get(name), dict) for name in wanted)):
        raise Nonsense(200, "no_aggregations", "it lacks the counts that were asked for")


def number(found: dict[str, Any], name: str) -> int:
    value = found.get(name)
    if not _is_count(value):
        raise Nonsense(200, "no_number", f"its {name} is no number")
    return value


def health(found: dict[str, Any]) -> str:
    status = found.get("status")
    if status not in ("green", "yellow", "red"):
        raise Nonsense(200, "no_status", "it does not say how the index is")
    return str(status)


def objects(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """See that something is said of each index by its name."""
    if not all(isinstance(value, dict) for value in found.values()):
        raise Nonsense(200, "no_objects", "it is not about indexes")
    return found


def _item(item: Any, operation: Operation) -> ItemResult:
    said = item.get(operation.verb) if isinstance(item, dict) else None
    if not isinstance(said, dict) or not _is_count(said.get("status")) or said.get("_id") != operation.id:
        raise Nonsense(200, "items", "an item is not about its operation")
    kind, reason = _error(said)
    return ItemResult(operation.index, operation.id, said["status"], kind, reason)


def _error(found: Any) -> tuple[str, str]:
    """Read the type and reason of an error, which is an object with causes, or only a text."""
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, str):
        return "", scrub_head(error, _LONGEST_REASON)
    if not isinstance(error, dict):
        return "", ""
    roots = error.get("root_cause")
    causes = [error, roots[0] if isinstance(roots, list) and roots else None, error.get("caused_by")]
    texts = [cause.get("reason") for cause in causes if isinstance(cause, dict)]
    # The root's is often the same again.
    reason = ": ".join(dict.fromkeys(text for text in texts if isinstance(text, str)))
    kind = error.get("type")
    return (kind[:100] if isinstance(kind, str) else ""), scrub_head(reason, _LONGEST_REASON)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _wait(answer: Answer) -> float | None:
    seconds = wait_of(answer.headers.get("retry-after", ""))
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

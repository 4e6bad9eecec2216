"""What an endpoint is sent of an event: few words, and where to read more."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from jobs.models import WebhookDelivery

#: The specification asks for no more than this. What is told is bounded in every part, so nothing comes near it.
MOST_BYTES: Final = 20_000
_API: Final = "/api/v1"


def body_of(delivery: WebhookDelivery) -> bytes:
    """Write the message; in every attempt the very same bytes."""
    message = {"type": delivery.event, "timestamp": _written(delivery.at), "data": delivery.data}
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) <= MOST_BYTES:
        return body
    shorter = {name: value for name, value in delivery.data.items() if name not in ("tags", "request_id")}
    return json.dumps({**message, "data": shorter}, ensure_ascii=False, separators=(",", ":")).encode()


def with_links(data: dict[str, Any]) -> dict[str, Any]:
    """Add the paths of what it is about on this site's API."""
    links = {}
    if job := data.get("job_id"):
        links["job"] = f"{_API}/jobs/{job}"
    if letter := data.get("dead_letter_id"):
        links["dead_letter"] = f"{_API}/dead-letters/{letter}"
    return {**data, "links": links} if links else data


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

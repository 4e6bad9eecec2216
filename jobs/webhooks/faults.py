"""What can be wrong with what somebody says of an endpoint: everything is found at once."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from accounts.roles import STAFF
from jobs.exceptions import Violation
from jobs.options import QUEUE_NAME
from jobs.payloads import check_text
from jobs.webhooks.event_types import EVENT_TYPES, OF_NOBODY
from jobs.webhooks.exceptions import InvalidEndpoint
from jobs.webhooks.places import target_of

#: What people say of an endpoint.
FIELDS: Final = ("url", "description", "events", "job_types", "queues", "everyone", "is_active")
DESCRIPTION_MAX_LENGTH: Final = 200
#: Names in one filter.
MOST_NAMES: Final = 50
JOB_TYPE_MAX_LENGTH: Final = 200
_JOB_TYPE: Final = re.compile(rf"[^\s\x00-\x1f]{{1,{JOB_TYPE_MAX_LENGTH}}}")


def check(fields: Mapping[str, Any], user: Any, changed: Collection[str] | None = None) -> None:
    """Refuse an endpoint that cannot be like this: raises InvalidEndpoint, or UnsafeUrl if the URL alone is wrong.

    With `changed` only what these fields have to do with is looked at.
    """
    looked_at = set(FIELDS if changed is None else changed)
    violations = [found for found in _violations(fields, user) if looked_at & {found.pointer.split("/")[1], "events"}]
    if violations:
        raise InvalidEndpoint(violations)
    if "url" in looked_at:
        target_of(fields["url"])


def _violations(fields: Mapping[str, Any], user: Any) -> Iterator[Violation]:
    description = fields.get("description", "")
    if len(description) > DESCRIPTION_MAX_LENGTH:
        yield Violation("/description", "max-length", f"is longer than {DESCRIPTION_MAX_LENGTH} characters.")
    if found := check_text(description):
        yield Violation("/description", *found)
    yield from _of_events(list(fields.get("events", ())), bool(fields.get("everyone")))
    yield from _of_names("job_types", fields.get("job_types", ()), _JOB_TYPE)
    yield from _of_names("queues", fields.get("queues", ()), QUEUE_NAME)
    if fields.get("everyone") and getattr(user, "role", None) not in STAFF:
        yield Violation("/everyone", "not-allowed", "is for staff alone: others are told of their own jobs.")


def _of_events(events: list[str], everyone: bool) -> Iterator[Violation]:
    if not events:
        yield Violation("/events", "required", "names no event.")
    for index, event in enumerate(events):
        if event not in EVENT_TYPES:
            yield Violation(f"/events/{index}", "unknown", f"There is no event {event[:60]!r}.")
        elif event in OF_NOBODY and not everyone:
            yield Violation(f"/events/{index}", "not-allowed", f"{event} is only for endpoints that get everybody's.")
    if len(set(events)) < len(events):
        yield Violation("/events", "unique", "names an event twice.")


def _of_names(field: str, names: Any, pattern: re.Pattern[str]) -> Iterator[Violation]:
    if len(names) > MOST_NAMES:
        yield Violation(f"/{field}", "max-length", f"has more than {MOST_NAMES} names.")
    for index, name in enumerate(names):
        if not pattern.fullmatch(name):
            yield Violation(f"/{field}/{index}", "pattern", "is no such name.")

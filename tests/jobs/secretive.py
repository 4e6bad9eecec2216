"""A job type with a secret, for tests of who sees it."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.registry import JobType, registry

NAME = "secretive"
SECRET = "open-sesame-4711"
SCHEMA = {
    "type": "object",
    "properties": {"url": {"type": "string"}, "token": {"type": "string", "minLength": 3, "x-secret": True}},
    "required": ["token"],
    "additionalProperties": False,
}
PAYLOAD = {"url": "https://example.org/", "token": SECRET}


@contextmanager
def secretive() -> Iterator[str]:
    registry.add(JobType(NAME, lambda context, token, url="": None, given_schema=SCHEMA))
    try:
        yield NAME
    finally:
        registry.remove(NAME)

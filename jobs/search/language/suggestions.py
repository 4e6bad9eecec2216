"""What may have been meant by a name or a value that there is not."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from jobs.search.language.fields import METADATA_PREFIX, NAMES

_METADATA: Final = METADATA_PREFIX.rstrip(".")
#: Names longer than this are like none that there is.
_LONGEST: Final = 64
#: What is typed as it is; suggestions are put into the query.
_PLAIN: Final = re.compile(r"[\w.@-]+")
#: What people know fields and statuses as elsewhere.
_FIELDS: Final = {
    "state": ("status",),
    "kind": ("job_type",),
    "name": ("job_type", "project_name"),
    "label": ("tags",),
    "labels": ("tags",),
    "server": ("hostname",),
    "architecture": ("arch",),
    "exception": ("error_class",),
    "due": ("scheduled_at",),
    "ended": ("completed_at", "failed_at"),
    "finished_at": ("completed_at", "failed_at"),
    "team": ("workspace",),
}
_VALUES: Final = {
    "queued": ("pending",),
    "waiting": ("pending",),
    "scheduled": ("pending",),
    "running": ("processing",),
    "active": ("processing",),
    "done": ("completed",),
    "success": ("completed",),
    "succeeded": ("completed",),
    "error": ("failed", "dead_letter"),
    "dead": ("dead_letter",),
    "dlq": ("dead_letter",),
}


def names_like(name: str) -> tuple[str, ...]:
    """Give the fields that a name may stand for, the likeliest first; else the key of metadata of that name."""
    if len(name) > _LONGEST or not _PLAIN.fullmatch(name):
        return ()
    if "." in name:
        return _paths_like(name)
    if name.lower() in _FIELDS:
        return _FIELDS[name.lower()]
    found = [NAMES[like].name for like in _close(name, NAMES, 0.65)]
    # What begins alike is meant as well: `create` is near to created_at, `err` to error_message.
    if len(name) >= 3:
        found += [field.name for typed, field in NAMES.items() if typed.startswith(name.lower())]
    if not found and name.isidentifier():
        return (METADATA_PREFIX + name,)
    return tuple(dict.fromkeys(found))[:3]


def values_like(value: str, choices: Iterable[str]) -> tuple[str, ...]:
    """Give the choices that a value may stand for."""
    choices = list(choices)
    known = [choice for choice in _VALUES.get(value.lower(), ()) if choice in choices]
    begin_alike = [choice for choice in choices if value and choice.startswith(value.lower())]
    return tuple(dict.fromkeys(known or begin_alike + _close(value, choices, 0.6)))[:3]


def _paths_like(name: str) -> tuple[str, ...]:
    """What has dots is a path of metadata, mistyped or with its first word forgotten; or a field that has none."""
    head, _, path = name.partition(".")
    if not head or not path:
        return ()
    if _close(head, [_METADATA, "meta", "data"], 0.6):
        return (METADATA_PREFIX + path,)
    fields = [NAMES[like].name for like in _close(name.replace(".", "_"), NAMES, 0.85)[:1]]
    return (*fields, METADATA_PREFIX + name)


def _close(text: str, among: Iterable[str], likeness: float) -> list[str]:
    return get_close_matches(text.lower()[:_LONGEST].replace("-", "_"), list(among), n=3, cutoff=likeness)

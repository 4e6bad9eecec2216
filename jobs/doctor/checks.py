"""The checks by name; apps above register their own, so that the queue need not know of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import import_string

from jobs.doctor.findings import Finding

Look = Callable[[], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at."""

    name: str
    #: Where its function is: imported only when somebody looks, for workers register checks too.
    path: str
    #: Names the database that it asks.
    using: Callable[[], str]

    @property
    def look(self) -> Look:
        found: Look = import_string(self.path)
        return found


checks: Final[dict[str, Check]] = {}


def check(name: str, path: str, using: Callable[[], str] = lambda: DEFAULT_DB_ALIAS) -> None:
    """Have `manage.py doctor` call the function at this path; once, however often it is said.

    It gives Findings, one at least, and only reads. It is called in a transaction that can do nothing else and ends
    each statement after two seconds, so it must not read history. What it raises is told as a finding.
    """
    checks[name] = Check(name, path, using)


for _name in (
    *("transactions", "slots", "vacuum", "wraparound", "connections", "notifications", "server"),
    *("indexes", "sequences", "clocks", "workers", "releases", "locks", "queues", "paused", "bulk", "job_types"),
    *("waiting", "dead_letters", "schedules", "chores", "providers", "redis", "search", "webhooks", "disk"),
):
    check(_name, f"jobs.doctor.{_name}.look")

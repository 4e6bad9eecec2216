"""Whether all workers run the same code."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Count, Max, Sum

from jobs.doctor.findings import Finding, ok, warn
from jobs.doctor.workers import alive
from jobs.source import release

#: On the console's page.
MOST_HOSTS: Final = 50


def look() -> Iterator[Finding]:
    hosts: dict[str, set[str]] = defaultdict(set)
    for found, hostname in alive().exclude(release="").values_list("release", "hostname"):
        hosts[found].add(hostname)
    if len(hosts) > 1:
        each = "; ".join(f"{name} on {', '.join(sorted(where))}" for name, where in sorted(hosts.items()))
        yield warn(
            f"The workers run {len(hosts)} different releases ({each}).",
            "Bring all hosts to one release and restart the workers: systemctl restart 'ekiden-worker@*'",
        )
    elif hosts and release() not in hosts:
        what = f"The workers run the release {next(iter(hosts))}, and the code here is {release()}."
        yield warn(what, "Restart the workers, or look from where they run: systemctl restart 'ekiden-worker@*'")
    else:
        yield ok(f"All workers run one release, {next(iter(hosts))}." if hosts else "No worker says its release.")


def hosts() -> list[tuple[Any, ...]]:
    """Give the hosts of workers that are alive: releases, slots, memory, and how their clocks go."""
    groups = alive().values("hostname", "release").order_by("hostname", "release")
    found = groups.annotate(
        number=Count("pk"), slots=Sum("concurrency"), busy=Sum("running"), memory=Max("rss_mb"),
        ahead=Max("clock_offset"), heard=Max("heartbeat_at"),
    )  # fmt: skip
    names = ("hostname", "release", "number", "slots", "busy", "memory", "ahead", "heard")
    return list(found.values_list(*names)[:MOST_HOSTS])

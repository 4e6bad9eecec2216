"""Settings of the server that lose data or make it slow."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import rows
from jobs.doctor.findings import Finding, critical, ok, warn

OLDEST_VERSION: Final = 150_000
#: A web process has a dozen, a worker ten, a person one.
FEWEST_CONNECTIONS: Final = 50
SHORTEST_STATEMENT_MS: Final = 5_000

#: What loses work that was promised, or ends in a server that stops.
_NEVER_OFF: Final = {
    "fsync": "a power cut may destroy the database",
    "full_page_writes": "a power cut may destroy the database",
    "autovacuum": "tables grow and grow slower until somebody vacuums them",
    "track_counts": "autovacuum does not learn what there is to do",
}
_SETTINGS: Final = "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)"
_OTHERS: Final = (
    *("server_version_num", "server_version", "max_connections"),
    *("synchronous_commit", "statement_timeout"),
)


def look() -> Iterator[Finding]:
    settings = dict(rows(_SETTINGS, [[*_NEVER_OFF, *_OTHERS]]))
    # What we set for ourselves is not the server's.
    settings["statement_timeout"] = rows("SELECT reset_val FROM pg_settings WHERE name = 'statement_timeout'")[0][0]
    found = [*_off(settings), *_small(settings)]
    yield from found or [ok(f"PostgreSQL {settings['server_version']} is set so that it keeps what it promises.")]


def _off(settings: dict[str, str]) -> Iterator[Finding]:
    for name, harm in _NEVER_OFF.items():
        if settings.get(name) == "off":
            restart = "SELECT pg_reload_conf();"
            yield critical(f"{name} is off: {harm}.", f"ALTER SYSTEM SET {name} = on; {restart}")
    if settings.get("synchronous_commit") == "off":
        yield warn(
            "synchronous_commit is off: a crash of the server forgets jobs whose submission was answered.",
            "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf();",
        )


def _small(settings: dict[str, str]) -> Iterator[Finding]:
    if int(settings["server_version_num"]) < OLDEST_VERSION:
        yield critical(f"PostgreSQL {settings['server_version']} is older than 15.", "Move to PostgreSQL 15 or newer.")
    if (most := int(settings["max_connections"])) < FEWEST_CONNECTIONS:
        yield warn(
            f"max_connections is {most}: two web processes and a few workers use that up.",
            "ALTER SYSTEM SET max_connections = 200; and restart the server.",
        )
    if 0 < (limit := int(settings["statement_timeout"])) < SHORTEST_STATEMENT_MS:
        yield warn(
            f"statement_timeout is {limit} ms for this role: pruning and roll-ups take longer at times.",
            "ALTER ROLE CURRENT_USER SET statement_timeout = '60s';",
        )

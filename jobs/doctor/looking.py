"""One look of the doctor, kept for whoever asks next: the checks are too slow for every view of a page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.db import DatabaseError, connections, transaction
from django.utils.timezone import now

from accounts.row_security import acting_as_system
from jobs.doctor.examination import STATEMENT_SECONDS, examine, first_line, worst
from jobs.doctor.findings import Finding, Severity
from jobs.doctor.tables import tables

#: A look that is older is taken anew by whoever opens a page.
FRESH: Final = timedelta(minutes=5)

_KEY: Final = "doctor:look"
_BUSY: Final = "doctor:looking"
_KEPT_SECONDS: Final = 7 * 86_400
#: While somebody looks, nobody else does; a look that died is forgotten after so long.
_BUSY_SECONDS: Final = 60

_BOUNDS: Final = f"SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"


@dataclass(frozen=True, slots=True)
class Look:
    """What was found, and when."""

    at: datetime
    findings: list[Finding]
    #: Rows by the name of their table.
    rows: dict[str, list[list[Any]]]
    #: Why a table could not be read, by its name.
    errors: dict[str, str]

    @property
    def fresh(self) -> bool:
        return now() - self.at < FRESH

    @property
    def bad(self) -> list[Finding]:
        """Give what wants somebody, the worst first."""
        return sorted((each for each in self.findings if each.severity), key=lambda each: -each.severity)

    @property
    def worst(self) -> str:
        """Name the worst that was found: ok, unknown, warn or critical."""
        return worst(self.findings).name.lower()


def last() -> Look | None:
    """Give the latest look of anybody; None if there was none for a week."""
    kept = cache.get(_KEY)
    return None if kept is None else _read(kept)


def look() -> Look | None:
    """Look now, outside any transaction, and keep what was found; None while somebody else is looking."""
    if not cache.add(_BUSY, True, _BUSY_SECONDS):
        return None
    try:
        found = Look(now(), list(examine()), {}, {})
        for name in tables:
            _fill(found, name)
        cache.set(_KEY, _written(found), _KEPT_SECONDS)
    finally:
        cache.delete(_BUSY)
    return found


def _fill(found: Look, name: str) -> None:
    using = tables[name].using()
    try:
        with transaction.atomic(using=using), acting_as_system(using):
            with connections[using].cursor() as cursor:
                cursor.execute(_BOUNDS)
            found.rows[name] = tables[name].rows()
    except DatabaseError as error:
        found.errors[name] = first_line(error)


def _written(found: Look) -> dict[str, Any]:
    told = [[each.severity, each.what, each.advice, each.check] for each in found.findings]
    return {"at": found.at.isoformat(), "findings": told, "rows": found.rows, "errors": found.errors}


def _read(kept: dict[str, Any]) -> Look:
    findings = [Finding(Severity(level), what, advice, check) for level, what, advice, check in kept["findings"]]
    return Look(datetime.fromisoformat(kept["at"]), findings, kept["rows"], kept["errors"])

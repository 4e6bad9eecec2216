"""How far it is to the end of transaction ids: the server stops writing before it comes there."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import one
from jobs.doctor.findings import Finding, graded

#: Transactions; autovacuum freezes from 200 million on, the server stops at 2,100 million.
AGES: Final = (500_000_000.0, 1_200_000_000.0)

_OLDEST: Final = """
SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database
WHERE datallowconn ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 1
"""


def look() -> Iterator[Finding]:
    database, age, members = one(_OLDEST)
    oldest = max(age, members)
    yield graded(
        oldest,
        AGES,
        f"{oldest:,} transactions are not frozen in {database}; the server stops at 2,100,000,000.",
        f"In {database}: VACUUM (FREEZE, VERBOSE); what holds it back, the checks transactions and slots say.",
    )

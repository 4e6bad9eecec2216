"""Numbers that are given out once: how many are left, those of the locks first of all."""

from collections.abc import Iterator
from typing import Final

from jobs.doctor.asking import SCHEMAS, rows
from jobs.doctor.findings import Finding, graded, ok

SHARES: Final = (0.5, 0.9)

_SEQUENCES: Final = """
SELECT format('%%I.%%I', schemaname, sequencename), data_type::text, last_value::float8 / max_value, last_value
FROM pg_sequences WHERE schemaname = ANY (%s) AND last_value IS NOT NULL ORDER BY 3 DESC
"""


def look() -> Iterator[Finding]:
    sequences = rows(_SEQUENCES, [SCHEMAS])
    found = []
    for name, kind, used, last in sequences:
        column = "ALTER TABLE … ALTER COLUMN … TYPE bigint; " if kind != "bigint" else ""
        advice = f"{column}ALTER SEQUENCE {name} AS bigint MAXVALUE 9223372036854775807;"
        finding = graded(used, SHARES, f"The sequence {name} is at {last:,}, {used:.0%} of what it can give.", advice)
        found += [finding] if finding.advice else []
    most = max((used for _, _, used, _ in sequences), default=0.0)
    yield from found or [ok(f"{len(sequences)} sequences have given out {most:.1%} of their numbers at most.")]

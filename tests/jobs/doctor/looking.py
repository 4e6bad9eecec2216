"""Asking one check, and following its advice."""

import re

from django.db import connection

from jobs.doctor.checks import checks
from jobs.doctor.findings import Finding, Severity


def troubles(name: str) -> list[Finding]:
    """Give what a check finds amiss; one that finds nothing says so in a finding of its own."""
    findings = list(checks[name].look())
    assert findings
    return [finding for finding in findings if finding.severity > Severity.UNKNOWN]


def trouble(name: str) -> Finding:
    """Give the one thing that a check finds amiss."""
    (found,) = troubles(name)
    assert found.what.endswith((".", "…")) or ":" in found.what
    assert found.advice
    return found


def follow(finding: Finding) -> None:
    """Type the first SQL statement of the advice as it stands there."""
    statement = re.search(r"((?:SELECT|ALTER|DROP|CREATE|VACUUM|REINDEX)\b[^;]*);", finding.advice)
    assert statement, finding.advice
    with connection.cursor() as cursor:
        cursor.execute(statement[1])

"""Findings as lines for people, with colour where there is a terminal."""

from collections.abc import Iterable
from typing import Final

from jobs.doctor.findings import Finding, Severity

_COLOURS: Final = {Severity.OK: "32", Severity.UNKNOWN: "36", Severity.WARN: "33", Severity.CRITICAL: "1;31"}


def lines(finding: Finding, *, colour: bool) -> list[str]:
    """Give the finding's line, and below it what to do."""
    word = f"{finding.severity.name.lower():8}"
    if colour:
        word = f"\033[{_COLOURS[finding.severity]}m{word}\033[0m"
    return [f"{word}  {finding.check:14} {finding.what}", *([f"{'':26}→ {finding.advice}"] if finding.advice else [])]


def summary(findings: Iterable[Finding]) -> str:
    """Count them by severity."""
    counts = dict.fromkeys(Severity, 0)
    for finding in findings:
        counts[finding.severity] += 1
    return ", ".join(f"{counts[severity]} {severity.name.lower()}" for severity in reversed(Severity))

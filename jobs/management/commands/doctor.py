import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection

from jobs.doctor.checks import checks
from jobs.doctor.examination import examine, worst
from jobs.doctor.findings import Finding, Severity
from jobs.doctor.report import lines, summary
from jobs.management.arguments import names


class Command(BaseCommand):
    """Look at the database, the workers and this host, and say of each trouble what to do. Changes nothing."""

    help = "Say what is wrong with the database, the queue and the workers, and what to do; changes nothing."
    # It is to work while migrations lack, and says so itself.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--only", type=names, default=(), metavar="NAMES", help=f"only these checks: {', '.join(sorted(checks))}")
        add(
            "--fail-level",
            choices=("warn", "critical"),
            default="critical",
            help="what ends with exit code 1 (%(default)s)",
        )
        add("--json", action="store_true", help="print one JSON object")

    def handle(self, *, only: tuple[str, ...], fail_level: str, json: bool, **given: Any) -> None:
        if strange := [name for name in only if name not in checks]:
            raise CommandError(f"There is no check {strange[0]!r}; there are {', '.join(sorted(checks))}.")
        self._reach()
        findings = []
        for finding in examine(only):
            findings.append(finding)
            if not json:
                # Each as it comes: a check may take two seconds.
                self.stdout.write("\n".join(lines(finding, colour=not given["no_color"] and self._on_terminal())))
        self.stdout.write(_as_json(findings) if json else f"\n{summary(findings)}")
        if worst(findings) >= Severity[fail_level.upper()]:
            self.stdout.flush()
            sys.exit(1)

    def _reach(self) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            reason = str(error).strip().partition("\n")[0].rstrip(".")
            raise CommandError(f"The database {DEFAULT_DB_ALIAS} does not answer: {reason}.") from error

    def _on_terminal(self) -> bool:
        return bool(getattr(self.stdout, "isatty", lambda: False)())


def _as_json(findings: list[Finding]) -> str:
    told = [
        {"check": each.check, "severity": each.severity.name.lower(), "what": each.what, "advice": each.advice or None}
        for each in findings
    ]
    return json.dumps({"worst": worst(findings).name.lower(), "findings": told}, indent=2)

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.exceptions import JobError
from jobs.management.arguments import duration
from jobs.models import SearchIndex
from jobs.search.engine.failures import EngineError
from jobs.search.sync import enabling, report, state, status
from jobs.search.sync.display import shown
from jobs.search.sync.reconciling import reconcile
from jobs.search.sync.reindexing import reindex
from jobs.search.sync.syncing import sync_until_clean


class Command(BaseCommand):
    """Switch search in Elasticsearch or OpenSearch on and off, and look after it."""

    help = "Switch search in Elasticsearch or OpenSearch on and off, fill it, compare it, and say how it stands."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verbs.add_parser("enable", help="have jobs sent to the engine, and fill its first index; may be run again")
        off = verbs.add_parser("disable", help="have PostgreSQL alone search, and take back what enable made")
        off.add_argument("--keep-indexes", action="store_true", help="leave the indexes in the engine")
        sync = verbs.add_parser("sync", help="send now what has changed, as workers do all the time")
        sync.add_argument("--timeout", type=duration, default=300.0, metavar="TIME", help="at most so long (5m)")
        verbs.add_parser("reindex", help="build a new index from PostgreSQL and have searches go to it")
        compare = verbs.add_parser("reconcile", help="compare every job with the engine, and repair what is wrong")
        compare.add_argument("--dry-run", action="store_true", help="repair nothing")
        look = verbs.add_parser("status", help="say how the engine and the sync stand")
        look.add_argument("--check", action="store_true", help="end with exit code 1 if anything is wrong")
        look.add_argument(
            "--max-lag", type=duration, default=30.0, metavar="TIME", help="a change may wait so long (30s)"
        )
        look.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, verb: str, **given: Any) -> None:
        try:
            getattr(self, f"_{verb}")(given)
        except (JobError, EngineError) as error:
            raise CommandError(f"{str(error).rstrip('.')}.") from error

    def _enable(self, given: dict[str, Any]) -> None:
        with shown(self.stderr) as progress:  # type: ignore[arg-type]
            enabling.prepare(progress)
            if SearchIndex.objects.serving() is None:
                reindex(progress)
        self.stdout.write("Search is enabled. Workers send what changes; those that run since before ELASTICSEARCH_URL")
        self.stdout.write("was set have to be started anew.")

    def _disable(self, given: dict[str, Any]) -> None:
        kept = enabling.disable(given["keep_indexes"])
        self.stdout.write("Search is disabled: PostgreSQL answers.")
        for name in kept:
            self.stdout.write(f"The index {name} is still in the engine.")

    def _sync(self, given: dict[str, Any]) -> None:
        if not state.targets():
            raise CommandError("There is no index to send to: `manage.py search status` says why.")
        if not sync_until_clean(time.monotonic() + given["timeout"]):
            raise CommandError(f"Not all was sent in {given['timeout']:.0f} s: `manage.py search status` says more.")
        self.stdout.write("All that had changed is sent.")

    def _reindex(self, given: dict[str, Any]) -> None:
        with shown(self.stderr) as progress:  # type: ignore[arg-type]
            built = reindex(progress)
        self.stdout.write("Searches go to the new index." if built else "Another process built the new index.")

    def _reconcile(self, given: dict[str, Any]) -> None:
        with shown(self.stderr) as progress:  # type: ignore[arg-type]
            drift = reconcile(repair=not given["dry_run"], progress=progress)
        self.stdout.write(f"{drift.checked:,} jobs compared: {drift}")

    def _status(self, given: dict[str, Any]) -> None:
        found = status.examine(given["max_lag"])
        if given["json"]:
            self.stdout.write(json.dumps(report.as_json(found), indent=2))
        else:
            self.stdout.write("\n".join(report.lines(found)))
        if given["check"] and found.troubles:
            self.stdout.flush()
            sys.exit(1)

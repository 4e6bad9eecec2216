import json
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import keys
from accounts.models import User
from jobs.bench import api, api_report, soak
from jobs.bench.api import Bench
from jobs.bench.http import Site
from jobs.bench.lane import THREAD, bench_lane
from jobs.bench.machine import machine
from jobs.bench.server import web_server
from jobs.bench.web import UNLIMITED
from jobs.bench.workers import BenchWorker, listening
from jobs.conf import DEFAULT_QUEUE
from jobs.management.arguments import duration, whole


class Command(BaseCommand):
    """Measure the API as clients meet it, against web processes of its own or those of a running site."""

    help = "Measure the API under load: submissions, status, summaries, the limit, and articles for minutes on end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--clients", type=whole, default=100, metavar="N", help="connections that are kept open (%(default)s)")
        add("--seconds", type=duration, default=30.0, metavar="TIME", help="length of each measurement (30s)")
        add("--rate", type=whole, default=100, metavar="N", help="requests a second, of all clients (%(default)s)")
        add("--find-limit", action="store_true", help="instead: the highest rate at which p99 creation is under 50 ms")
        add("--soak", type=duration, metavar="TIME", help="instead: articles through the whole pipeline for so long")
        add("--articles", type=whole, default=60, metavar="N", help="articles a minute of the soak (%(default)s)")
        add("--workers", type=whole, default=1, metavar="N", help="worker processes (%(default)s)")
        add("--web-processes", type=whole, default=1, metavar="N", help="web processes (%(default)s)")
        add("--url", metavar="URL", help="ask the site there instead of web processes started for it; needs --key")
        add("--key", metavar="KEY", help="the API key to use with --url: of a user with a high rate limit")
        add("--json", action="store_true", help="print one JSON object")

    def handle(self, **given: Any) -> None:
        if bool(given["url"]) != bool(given["key"]):
            raise CommandError("--url and --key go together.")
        if given["url"] and given["soak"]:
            raise CommandError("--soak reads the database and runs workers: it works without --url only.")
        try:
            figures = self._measure(given)
        except (RuntimeError, OSError) as error:
            raise CommandError(str(error)) from error
        figures["goals"] = api.goals(figures)
        figures["machine"] = machine()
        self.stdout.write(json.dumps(_rounded(figures), indent=2) if given["json"] else api_report.table(figures))

    def _measure(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["url"]:
            with bench_lane() as lane:
                site = Site(given["url"], given["key"])
                bench = Bench(site, None, lane.name, DEFAULT_QUEUE, given["clients"], given["seconds"])
                return self._phases(given, bench, None, [])
        with _user() as user, bench_lane() as lane, bench_lane() as work, _forgotten(user), ExitStack() as stack:
            queues = (DEFAULT_QUEUE,) if given["soak"] else ()
            # A worker beside the search for the limit would be measured with it.
            count = 0 if given["find_limit"] else given["workers"]
            workers = stack.enter_context(listening(work, THREAD, count, *queues))
            server = stack.enter_context(web_server(given["web_processes"]))
            site = Site(f"http://127.0.0.1:{server.port}", keys.issue(user))
            bench = Bench(site, server, lane.name, work.name, given["clients"], given["seconds"])
            about = {"web_processes": given["web_processes"], "workers": count, "role": server.role}
            return {**self._phases(given, bench, user, workers), **about}

    def _phases(
        self, given: dict[str, Any], bench: Bench, user: User | None, workers: list[BenchWorker]
    ) -> dict[str, Any]:
        figures: dict[str, Any] = {"clients": given["clients"]}
        ids = api.warm_up(bench)
        if given["soak"] and user is not None:
            return {**figures, **soak.soak(bench, user, given["articles"] / 60, given["soak"], workers, self._tick)}
        if given["find_limit"]:
            return figures | api.find_limit(bench, given["rate"], self._tick)
        figures |= api.under_load(bench, given["rate"], ids, self._tick)
        return figures | api.summaries(bench, self._tick)

    def _tick(self, step: str) -> None:
        # To stderr, so that --json is all of stdout.
        self.stderr.write(step, lambda text: text)


@contextmanager
def _user() -> Iterator[User]:
    """Have a user whose requests no limit falsifies."""
    user = User.objects.create_user(f"bench-{uuid.uuid4().hex[:12]}", rate_limit_per_minute=UNLIMITED)
    try:
        yield user
    finally:
        user.delete()


@contextmanager
def _forgotten(user: User) -> Iterator[None]:
    try:
        yield
    finally:
        soak.forget(user)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(value, 3 if abs(value) < 10 else 1) if isinstance(value, float) else value

"""What the API does under load, beside what it is to do."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psutil

from jobs.bench.articles import TEXTS, varied
from jobs.bench.http import Site
from jobs.bench.lane import COROUTINE
from jobs.bench.load import Load, at_once, flat_out, paced
from jobs.bench.server import Server

#: Milliseconds within which a job is to be submitted, its status told, and an article summarized.
CREATION_MS: Final = 50.0
STATUS_MS: Final = 10.0
SUMMARY_MS: Final = 30_000.0
JOBS_PER_HOUR: Final = 1_000

SUMMARIES: Final = 20
LONGEST_WAIT_SECONDS: Final = 120.0
#: Ends the search for the limit: bounds this close together are one.
PRECISION: Final = 1.05
#: What is tried next when a full run at the rate that was found does not pass.
BACK_OFF: Final = 0.9
WARM_UP_SECONDS: Final = 1.0

Tick = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """The server under load, how to ask it, and by how many clients."""

    site: Site
    #: None where the server is somebody else's.
    server: Server | None
    #: Where jobs go that nobody works on.
    queue: str
    #: Where the workers look.
    work: str
    clients: int
    seconds: float

    def creation(self, number: int) -> bytes:
        return self.site.request(
            "POST", "/api/v1/jobs", {"type": COROUTINE, "payload": {"n": number}, "queue": self.queue}
        )

    def summary(self, number: int) -> bytes:
        """Ask for a summary of a text that nobody has asked about before."""
        payload = {"content": varied(TEXTS[number % len(TEXTS)], number).text, "user_preferences": {"length": "medium"}}
        return self.site.request("POST", "/api/v1/jobs", {"type": "summarize", "payload": payload, "queue": self.work})

    def measured(self, load: Callable[[], Any]) -> dict[str, Any]:
        """Give the figures of a load, and what share of one core each side of it took."""
        with _processor(self.server) as used:
            result: Load = asyncio.run(load())
        return {**result.figures(), **used, "kept_up": result.kept_up}


def warm_up(bench: Bench) -> list[str]:
    """Have everything loaded and connected; gives ids of jobs. Raises RuntimeError when the server refuses."""
    load = asyncio.run(flat_out(bench.site, 10, WARM_UP_SECONDS, bench.creation))
    if load.errors or not load.answers:
        refused = next((answer.body for answer in load.answers if answer.status >= 300), b"")
        raise RuntimeError(f"The server refused jobs: {dict(load.errors)} {refused[:300].decode(errors='replace')}")
    return [answer.json()["job_id"] for answer in load.answers]


def under_load(bench: Bench, rate: float, ids: list[str], tick: Tick) -> dict[str, Any]:
    """Submit and look at jobs at a fixed rate, and then as fast as the clients can."""

    def status(number: int) -> bytes:
        return bench.site.request("GET", f"/api/v1/jobs/{ids[number % len(ids)]}")

    figures = {}
    for name, requests in (("create", bench.creation), ("status", status)):
        tick(f"{name}, {rate:g} a second")
        figures[name] = bench.measured(lambda: paced(bench.site, bench.clients, rate, bench.seconds, requests))  # noqa: B023
        figures[name]["rate"] = rate
    for name, requests in (("create_flat_out", bench.creation), ("status_flat_out", status)):
        tick(f"{name}, {bench.clients} in flight")
        figures[name] = bench.measured(lambda: flat_out(bench.site, bench.clients, bench.seconds, requests))  # noqa: B023
    return figures


def summaries(bench: Bench, tick: Tick) -> dict[str, Any]:
    """Have articles summarized one after the other, and then as many at once as there are clients."""
    tick("summaries, one by one")
    times = [_until_done(bench, [bench.summary(number)])[0] for number in range(SUMMARIES)]
    tick(f"{bench.clients} jobs at once")
    seconds, done = _until_done(bench, [bench.summary(SUMMARIES + number) for number in range(bench.clients)])
    times.sort()
    return {
        "summary": {"p50_ms": times[len(times) // 2] * 1000, "max_ms": times[-1] * 1000, "requests": SUMMARIES},
        "at_once": {"jobs": bench.clients, "completed": done, "seconds": seconds, "per_hour": 3600 * done / seconds},
    }


def find_limit(bench: Bench, rate: float, tick: Tick) -> dict[str, Any]:
    """Find the highest rate of submissions at which the 99th percentile is within CREATION_MS.

    Doubled until it is not, then halved in between; the last word has a run of full length at the rate found, and at
    lower ones until one passes.
    """
    tried: list[dict[str, Any]] = []

    def passes(rate: float, seconds: float) -> bool:
        tick(f"search, {rate:.0f} a second")
        load = bench.measured(lambda: paced(bench.site, bench.clients, rate, seconds, bench.creation))
        tried.append({"rate": rate, **load})
        return bool(load["kept_up"] and not load["errors"] and load["p99_ms"] <= CREATION_MS)

    low, high, step_seconds = 0.0, rate, max(3.0, bench.seconds / 3)
    while passes(high, step_seconds):
        low, high = high, high * 2
    low = low or high / 16
    while high / low > PRECISION:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if passes(middle, step_seconds) else (low, middle)
    while low >= 1 and not passes(low, bench.seconds):
        low *= BACK_OFF
    return {"limit": {**tried[-1], "steps": len(tried)} if low >= 1 else {"rate": 0.0, "steps": len(tried)}}


def goals(figures: dict[str, Any]) -> dict[str, bool]:
    """Say of each aim whether it is met, as far as it was measured."""
    errors = sum(part.get("errors", 0) for part in figures.values() if isinstance(part, dict))
    met = {"errors 0": errors == 0}
    if "create" in figures:
        met["creation p99 within 50 ms"] = figures["create"]["kept_up"] and figures["create"]["p99_ms"] <= CREATION_MS
        met["status p99 within 10 ms"] = figures["status"]["kept_up"] and figures["status"]["p99_ms"] <= STATUS_MS
    if "soak" in figures:
        soak = figures["soak"]
        met["errors 0"] = soak["submitted"]["errors"] == 0
        met["every article done"] = soak["articles_done"] == soak["articles"] > 0
        met["no dead letters"] = soak["dead_letters"] == 0
        met["queue empty at the end"] = soak["left_in_queue"] == 0
    if "summary" in figures:
        at_once = figures["at_once"]
        met["summary within 30 s"] = figures["summary"]["max_ms"] <= SUMMARY_MS
        met[f"{at_once['jobs']} jobs at once"] = at_once["completed"] == at_once["jobs"]
        met["1,000 jobs an hour"] = at_once["per_hour"] >= JOBS_PER_HOUR
    return met


def _until_done(bench: Bench, requests: list[bytes]) -> tuple[float, int]:
    """Submit jobs at the same moment; gives the seconds until the last has ended, and how many have completed."""
    return asyncio.run(_submit_and_wait(bench, requests))


async def _submit_and_wait(bench: Bench, requests: list[bytes]) -> tuple[float, int]:
    began = time.perf_counter()
    submitted = await at_once(bench.site, requests)
    ids = [answer.json()["job_id"] for answer in submitted.answers if answer.status < 300]
    deadline = began + LONGEST_WAIT_SECONDS
    ends = await asyncio.gather(*(_status_in_the_end(bench.site, job_id, deadline) for job_id in ids))
    return time.perf_counter() - began, ends.count("completed")


async def _status_in_the_end(site: Site, job_id: str, deadline: float) -> str:
    connection = await site.connect()
    try:
        status = "pending"
        while status in ("pending", "processing") and time.perf_counter() < deadline:
            status = (await connection.ask(site.request("GET", f"/api/v1/jobs/{job_id}?wait=30"))).json()["status"]
        return status
    finally:
        connection.close()


@contextmanager
def _processor(server: Server | None) -> Iterator[dict[str, float]]:
    """Say how much of one core the client, the web processes and the whole machine used; 100 is one core."""
    used: dict[str, float] = {}
    began, client, web = time.perf_counter(), time.process_time(), server.cpu_seconds() if server else 0.0
    busy = _busy_seconds()
    yield used
    seconds = time.perf_counter() - began
    used["client_cpu_percent"] = 100 * (time.process_time() - client) / seconds
    if server is not None:
        used["web_cpu_percent"] = 100 * (server.cpu_seconds() - web) / seconds
        used["machine_cpu_percent"] = 100 * (_busy_seconds() - busy) / seconds


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))

"""The REST API as clients meet it: one web process, so many requests in flight over kept connections."""

import asyncio
import time
from collections.abc import Callable, Iterator
from statistics import quantiles
from typing import Any, Final

from accounts import keys
from accounts.models import User
from jobs.bench.http import Answer, Site
from jobs.bench.lane import COROUTINE, BenchLane
from jobs.bench.measures import Tick
from jobs.bench.server import web_server

IN_FLIGHT: Final = (1, 10, 100)
REQUESTS: Final = 2_000
#: So many requests a minute are as good as no limit.
UNLIMITED: Final = 100_000_000


def web(lane: BenchLane, tick: Tick) -> dict[str, Any]:
    """Create jobs and read their status over HTTP; milliseconds and requests per second."""
    user = User.objects.create_user(lane.name, rate_limit_per_minute=UNLIMITED)
    try:
        with web_server() as server:
            site = Site(f"http://127.0.0.1:{server.port}", keys.issue(user))
            figures = {}
            for in_flight in IN_FLIGHT:
                figures[str(in_flight)] = asyncio.run(_measure(site, lane.name, in_flight))
                tick(f"API, {in_flight} in flight")
        return {"api": figures}
    finally:
        lane.clear()
        user.delete()


#: An answer, and the milliseconds that it took.
_Timed = tuple[float, Answer]


async def _measure(site: Site, queue: str, in_flight: int) -> dict[str, float]:
    """Give the 95th percentile of both requests, and how many a second there were."""
    create = site.request("POST", "/api/v1/jobs", {"type": COROUTINE, "payload": {"n": 1}, "queue": queue})
    created, create_rate = await _load(site, in_flight, lambda n: create)
    ids = [answer.json()["job_id"] for _, answer in created]
    read, status_rate = await _load(site, in_flight, lambda n: site.request("GET", f"/api/v1/jobs/{ids[n % len(ids)]}"))
    return {
        "create_p95_ms": _p95(created),
        "create_per_s": create_rate,
        "status_p95_ms": _p95(read),
        "status_per_s": status_rate,
    }


async def _load(site: Site, in_flight: int, request: Callable[[int], bytes]) -> tuple[list[_Timed], float]:
    count = REQUESTS if in_flight > 1 else REQUESTS // 4
    numbers = iter(range(count))
    answers: list[_Timed] = []
    began = time.perf_counter()
    await asyncio.gather(*(_client(site, numbers, request, answers) for _ in range(in_flight)))
    return answers, count / (time.perf_counter() - began)


async def _client(site: Site, numbers: Iterator[int], request: Callable[[int], bytes], answers: list[_Timed]) -> None:
    connection = await site.connect()
    for n in numbers:
        asked = request(n)
        began = time.perf_counter()
        answer = await connection.ask(asked)
        answers.append(((time.perf_counter() - began) * 1000, answer))
        if answer.status >= 300:
            raise RuntimeError(f"The web process answered {answer.status}: {answer.body[:300]!r}")
    connection.close()


def _p95(answers: list[_Timed]) -> float:
    return quantiles([took for took, _ in answers], n=20, method="inclusive")[18]

"""The REST API as clients meet it: one web process, so many requests in flight over kept connections."""

import asyncio
import json
import time
from collections.abc import Iterator
from statistics import quantiles
from typing import Any, Final

from accounts import keys
from accounts.models import User
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
            client = _Client(server.port, keys.issue(user), lane.name)
            figures = {}
            for in_flight in IN_FLIGHT:
                figures[str(in_flight)] = asyncio.run(client.measure(in_flight))
                tick(f"API, {in_flight} in flight")
        return {"api": figures}
    finally:
        lane.clear()
        user.delete()


class _Client:
    """Speaks just enough HTTP/1.1 to cost little beside the server it measures."""

    def __init__(self, port: int, key: str, queue: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self._body = json.dumps({"type": COROUTINE, "payload": {"n": 1}, "queue": queue})

    async def measure(self, in_flight: int) -> dict[str, float]:
        """Give the 95th percentile of both requests, and how many a second there were."""
        created, create_rate = await self._load(in_flight, lambda n: ("POST", "/api/v1/jobs", self._body))
        ids = [json.loads(body)["job_id"] for _, body in created]
        read, status_rate = await self._load(in_flight, lambda n: ("GET", f"/api/v1/jobs/{ids[n % len(ids)]}", ""))
        return {
            "create_p95_ms": _p95(created),
            "create_per_s": create_rate,
            "status_p95_ms": _p95(read),
            "status_per_s": status_rate,
        }

    async def _load(self, in_flight: int, request: Any) -> tuple[list[tuple[float, bytes]], float]:
        count = REQUESTS if in_flight > 1 else REQUESTS // 4
        numbers = iter(range(count))
        answers: list[tuple[float, bytes]] = []
        began = time.perf_counter()
        await asyncio.gather(*(self._connection(numbers, request, answers) for _ in range(in_flight)))
        return answers, count / (time.perf_counter() - began)

    async def _connection(self, numbers: Iterator[int], request: Any, answers: list[tuple[float, bytes]]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for n in numbers:
            method, path, body = request(n)
            began = time.perf_counter()
            writer.write(f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            answer = await _answer(reader)
            answers.append(((time.perf_counter() - began) * 1000, answer))
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    lines = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    body = await reader.readexactly(int(lines.get(b"content-length", b"0")))
    if status >= 300:
        raise RuntimeError(f"The web process answered {status}: {body[:300]!r}")
    return body


def _p95(answers: list[tuple[float, bytes]]) -> float:
    return quantiles([took for took, _ in answers], n=20, method="inclusive")[18]

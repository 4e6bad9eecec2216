"""Load on the API: requests at their times, whatever the server does, or as fast as so many clients get answers."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, Final

from jobs.bench.http import Answer, Connection, Site

#: A request by its number.
Requests = Callable[[int], bytes]

#: A server that is so many seconds behind does not keep up: nothing is learned by waiting for it.
HOPELESS_SECONDS: Final = 2.0


@dataclass
class Load:
    """What became of the requests: milliseconds each, from when it was due."""

    asked: float = 0.0
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    answers: list[Answer] = field(default_factory=list)
    kept_up: bool = True

    def figures(self) -> dict[str, Any]:
        cuts = quantiles(self.times, n=100, method="inclusive") if len(self.times) > 1 else [0.0] * 99
        return {
            "requests": len(self.times),
            "per_s": len(self.times) / self.seconds if self.seconds else 0.0,
            "p50_ms": cuts[49],
            "p95_ms": cuts[94],
            "p99_ms": cuts[98],
            "max_ms": max(self.times, default=0.0),
            "errors": self.errors.total(),
            **({"error_kinds": dict(self.errors)} if self.errors else {}),
        }

    def take(self, began: float, answer: Answer) -> None:
        self.times.append((time.perf_counter() - began) * 1000)
        if answer.status >= 300:
            self.errors[str(answer.status)] += 1
        self.answers.append(answer)


async def paced(site: Site, clients: int, rate: float, seconds: float, requests: Requests) -> Load:
    """Send requests at random times, so many a second, over the clients' connections.

    One that finds no connection free waits for one, and its wait counts: a server that stalls makes all that come
    meanwhile late, as it would in earnest.
    """
    load = Load(asked=rate)
    chance = random.Random(20_010_101)  # noqa: S311 - the same arrivals every time
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(clients):
        free.put_nowait(await site.connect())
    under_way: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    due, number = began, 0
    try:
        while (due := due + chance.expovariate(rate)) < began + seconds:
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            elif -ahead > HOPELESS_SECONDS or len(under_way) > rate * HOPELESS_SECONDS + clients:
                load.kept_up = False
                break
            task = asyncio.create_task(_one(site, free, requests(number), due, load))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
        await asyncio.gather(*under_way)
    finally:
        while not free.empty():
            free.get_nowait().close()
    load.seconds = time.perf_counter() - began
    return load


async def flat_out(site: Site, clients: int, seconds: float, requests: Requests) -> Load:
    """Have each client send its next request as soon as the last is answered."""
    load = Load()
    began = time.perf_counter()
    numbers = _count_until(began + seconds)
    await asyncio.gather(*(_client(site, numbers, requests, load) for _ in range(clients)))
    load.seconds = time.perf_counter() - began
    return load


async def at_once(site: Site, requests: list[bytes]) -> Load:
    """Send all of them at the same moment, each over a connection of its own."""
    load = Load()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in requests:
        free.put_nowait(await site.connect())
    began = time.perf_counter()
    await asyncio.gather(*(_one(site, free, request, began, load) for request in requests))
    load.seconds = time.perf_counter() - began
    while not free.empty():
        free.get_nowait().close()
    return load


async def _one(site: Site, free: "asyncio.Queue[Connection]", request: bytes, due: float, load: Load) -> None:
    connection = await free.get()
    try:
        if not connection.is_open:
            connection = await site.connect()
        load.take(due, await connection.ask(request))
    except OSError as error:
        load.errors[type(error).__name__] += 1
        with suppress(OSError):
            connection = await site.connect()
    finally:
        free.put_nowait(connection)


async def _client(site: Site, numbers: Iterator[int], requests: Requests, load: Load) -> None:
    connection = await site.connect()
    for number in numbers:
        began = time.perf_counter()
        try:
            load.take(began, await connection.ask(requests(number)))
        except OSError as error:
            load.errors[type(error).__name__] += 1
            connection = await site.connect()
    connection.close()


def _count_until(end: float) -> Iterator[int]:
    number = 0
    while time.perf_counter() < end:
        yield number
        number += 1

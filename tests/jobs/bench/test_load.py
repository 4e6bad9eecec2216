"""Load on a server whose delays are known: what is measured is what clients would have met."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from jobs.bench.http import Site
from jobs.bench.load import Load, at_once, flat_out, paced

Answer = Callable[[int], Awaitable[bytes]]

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}'
#: In pieces, and with a header that looks like another.
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nx-content-length: 9\r\ncontent-length: 2\r\n\r\n{}"


async def prompt(number: int) -> bytes:
    return OK


def load_on(answer: Answer, drive: Callable[[Site], Awaitable[Load]], keeps_connections: bool = True) -> Load:
    """Drive a server that answers its n-th request so."""
    count = 0
    handlers: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        handlers.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                count += 1
                for piece in ((whole := await answer(count))[:20], whole[20:]):
                    writer.write(piece)
                    await writer.drain()
                if not keeps_connections:
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def run() -> Load:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        load = await drive(Site(f"http://127.0.0.1:{port}", "key"))
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.wait(handlers)
        return load

    return asyncio.run(run())


def look(site: Site) -> Callable[[int], bytes]:
    return lambda number: site.request("GET", f"/{number}")


def test_all_requests_are_answered_at_the_rate_that_was_asked_for():
    load = load_on(prompt, lambda site: paced(site, 3, 200, 0.5, look(site)))
    figures = load.figures()
    # The arrivals are random, and the same every time.
    assert 70 < figures["requests"] < 130 and figures["errors"] == 0 and load.kept_up
    assert load.answers[0].json() == {"ok": True}


def test_a_stall_makes_all_that_come_meanwhile_late():
    released = asyncio.Event()

    async def stall(number: int) -> bytes:
        if number == 5:
            asyncio.get_running_loop().call_later(0.4, released.set)
        if number >= 5:
            await released.wait()
        return OK

    figures = load_on(stall, lambda site: paced(site, 2, 100, 1.0, look(site))).figures()
    # Two requests were on their way, and some forty waited for a connection: all of them count from their own time.
    late = figures["p50_ms"], figures["p95_ms"]
    assert late[1] > 250, figures
    assert figures["max_ms"] >= 390


def test_a_server_that_does_not_keep_up_is_given_up_on(monkeypatch):
    monkeypatch.setattr("jobs.bench.load.HOPELESS_SECONDS", 0.1)
    freed = asyncio.Event()

    async def never(number: int) -> bytes:
        asyncio.get_running_loop().call_later(0.5, freed.set)
        await freed.wait()
        return OK

    load = load_on(never, lambda site: paced(site, 1, 500, 30, look(site)))
    assert not load.kept_up and load.seconds < 25


def test_refusals_and_hang_ups_are_errors():
    async def moody(number: int) -> bytes:
        if number % 3 == 0:
            raise ConnectionError
        return BUSY if number % 3 == 1 else OK

    figures = load_on(moody, lambda site: flat_out(site, 2, 0.2, look(site))).figures()
    assert figures["error_kinds"].keys() == {"503", "ConnectionError"} and figures["errors"] > 5


def test_all_at_once():
    load = load_on(prompt, lambda site: at_once(site, [site.request("POST", "/", {"n": n}) for n in range(20)]))
    assert len(load.answers) == 20 and not load.errors


def test_a_connection_that_the_server_closed_while_nobody_used_it_is_no_error() -> None:
    load = load_on(prompt, lambda site: paced(site, 1, 20, 0.5, lambda number: b"GET / HTTP/1.1\r\n\r\n"), False)

    figures = load.figures()
    assert figures["errors"] == 0 and figures["requests"] > 2

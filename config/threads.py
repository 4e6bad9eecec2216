"""Plain requests on a fixed number of threads, below an ASGI server.

Django's own way of running synchronous views under ASGI makes a thread for every request and changes threads at every
synchronous middleware, which costs more than most of our views; and as many threads as there are clients fight for the
connections of one pool. Here a request, once begun, runs to its end.
"""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Environ = dict[str, Any]
WsgiApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Threads:
    """An ASGI application that runs a WSGI one."""

    def __init__(self, application: WsgiApplication, threads: int, most_bytes: int) -> None:
        self.application = application
        self.most_bytes = most_bytes
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="ekiden-web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(receive)
        if body is None:
            return
        answer = Answer(asyncio.get_running_loop(), send)
        await asyncio.get_running_loop().run_in_executor(self.pool, self._run, environ(scope, body), answer)
        await answer.finish()

    async def _body(self, receive: Receive) -> bytes | None:
        """Read the body, or as much of it as shows that it is too large; None when the client has gone."""
        parts: list[bytes] = []
        size = 0
        while size <= self.most_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if not message.get("more_body"):
                break
        return b"".join(parts)

    def _run(self, request: Environ, answer: "Answer") -> None:
        result = self.application(request, answer.start)
        try:
            # Only an answer of unknown length is sent piece by piece, for each piece changes threads.
            if getattr(result, "streaming", False):
                for chunk in result:
                    answer.send_now(chunk)
            else:
                answer.body = b"".join(result)
        finally:
            if close := getattr(result, "close", None):
                close()


class Answer:
    """What goes back to the client: begun on a worker thread, sent on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self.loop = loop
        self.send = send
        self.body = b""
        self.head: MutableMapping[str, Any] | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self.head = {"type": "http.response.start", "status": int(status.split(" ", 1)[0]), "headers": encoded}

    def send_now(self, chunk: bytes) -> None:
        asyncio.run_coroutine_threadsafe(self._piece(chunk, more=True), self.loop).result()

    async def finish(self) -> None:
        await self._piece(self.body, more=False)

    async def _piece(self, chunk: bytes, *, more: bool) -> None:
        if self.head is not None:
            head, self.head = self.head, None
            await self.send(head)
        await self.send({"type": "http.response.body", "body": chunk, "more_body": more})


def environ(scope: Scope, body: bytes) -> Environ:
    """Say in WSGI's words what ASGI says of a request."""
    host, port = scope.get("server") or ("localhost", 80)
    request: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode(errors="replace").decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": (scope.get("client") or ("", 0))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        _add_header(request, name.decode("latin-1"), value.decode("latin-1"))
    # The body is whole by now, however it came.
    if request.pop("HTTP_TRANSFER_ENCODING", None) or body:
        request["CONTENT_LENGTH"] = str(len(body))
    return request


def _add_header(request: Environ, name: str, value: str) -> None:
    # X_Forwarded_Proto would become the same key as X-Forwarded-Proto, which only the proxy may set.
    if "_" in name:
        return
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = f"HTTP_{key}"
    if key in request:
        value = f"{request[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
    request[key] = value

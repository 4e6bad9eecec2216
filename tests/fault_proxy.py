"""A real HTTP proxy before a search engine that fails as it is told: some calls, some times, or until it is healed."""

import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from tests.local_server import LocalServer, running

_ON_THE_WAY = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "date"}


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer as it goes out."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Fault = Callable[["Handler", Asked], None]


@dataclass
class _Rule:
    fault: Fault
    method: str
    path: re.Pattern[str]
    #: How often it is still to fail; None: until healed.
    times: int | None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out in one piece.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "FaultProxy"

    def setup(self) -> None:
        super().setup()
        self.server.connected.add(self.connection)
        self.server.connections += 1

    def finish(self) -> None:
        self.server.connected.discard(self.connection)
        with suppress(OSError):  # whoever hung up reads no last word
            super().finish()

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        fault = self.server.fault_for(asked)
        if fault is None:
            self.reply(self.forward(asked))
        else:
            fault(self, asked)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, *args: object) -> None:
        pass

    def forward(self, asked: Asked) -> Reply:
        """Have the engine answer."""
        found = self.server.upstream.request(
            asked.method,
            self.server.upstream_url + asked.path,
            body=asked.body or None,
            headers={name: value for name, value in asked.headers.items() if name not in _ON_THE_WAY},
            redirect=False,
            retries=False,
        )
        headers = {name: value for name, value in found.headers.items() if name.lower() not in _ON_THE_WAY}
        return Reply(found.status, found.data, headers)

    def reply(self, reply: Reply, announced: int | None = None) -> None:
        self.send_response_only(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if announced is None else announced))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def reset(self) -> None:
        """Hang up without a good-bye."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class FaultProxy(LocalServer):
    """Passes everything on to the engine, except what it is told to fail; and remembers what it was asked."""

    request_queue_size = 128

    def __init__(self, url: str, ca_certs: str = "") -> None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")
        self._user = host[0] + host[1]
        self.upstream_url = parts._replace(netloc=host[2]).geturl().rstrip("/")
        self.upstream = urllib3.PoolManager(maxsize=16, ca_certs=ca_certs or None)
        self.connected: set[socket.socket] = set()
        #: How many were ever opened.
        self.connections = 0
        self.asked: list[Asked] = []
        #: Set by heal(): what dawdles goes on.
        self.healed = threading.Event()
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._known = threading.Condition(self._lock)
        super().__init__(Handler)

    @property
    def url(self) -> str:
        return f"http://{self._user}127.0.0.1:{self.server_port}"

    def speak_tls(self, certificate: Path) -> None:
        """Have the host's certificate, and the key in the same file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def fail(self, fault: Fault, method: str = "", path: str = "", times: int | None = None) -> None:
        """Do this in place of answering, for this method and paths in which this pattern is found, if given."""
        with self._lock:
            self.healed.clear()
            self._rules.append(_Rule(fault, method, re.compile(path), times))

    def heal(self) -> None:
        """Fail no more."""
        with self._lock:
            self._rules.clear()
            self.healed.set()

    def count(self, method: str = "", path: str = "") -> int:
        """Tell how many such requests have come in."""
        with self._lock:
            return sum(_fits(asked, method, re.compile(path)) for asked in self.asked)

    def wait_for(self, method: str = "", path: str = "", times: int = 1, seconds: float = 30) -> None:
        """Wait until so many such requests have come in."""
        fits = re.compile(path)
        with self._known:
            there = self._known.wait_for(lambda: sum(_fits(a, method, fits) for a in self.asked) >= times, seconds)
        assert there, f"fewer than {times} requests {method} {path} within {seconds} s"

    def fault_for(self, asked: Asked) -> Fault | None:
        with self._known:
            self.asked.append(asked)
            self._known.notify_all()
            for rule in self._rules:
                if rule.times != 0 and _fits(asked, rule.method, rule.path):
                    rule.times = None if rule.times is None else rule.times - 1
                    return rule.fault
        return None

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Be away inside the block: connections are refused, and those that are open break."""
        address = self.server_address
        self.shutdown()
        self.server_close()
        for connection in list(self.connected):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            self.socket = socket.socket(self.address_family, self.socket_type)
            self.server_address = address
            self.server_bind()
            self.server_activate()
            self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            self.thread.start()


def resets(handler: Handler, asked: Asked) -> None:
    """Break the connection; the engine has seen nothing."""
    handler.reset()


def resets_afterwards(handler: Handler, asked: Asked) -> None:
    """Break the connection when the engine has done what it was asked to."""
    handler.forward(asked)
    handler.reset()


def dawdles(handler: Handler, asked: Asked) -> None:
    """Say nothing until the proxy is healed, or the test over."""
    while not (handler.server.healed.wait(0.02) or handler.server.over.is_set()):
        pass
    handler.reply(handler.forward(asked))


def slow(seconds: float) -> Fault:
    """Let every answer take so long, unless the test is over before."""

    def wait(handler: Handler, asked: Asked) -> None:
        handler.server.over.wait(seconds)
        handler.reply(handler.forward(asked))

    return wait


def drips(handler: Handler, asked: Asked) -> None:
    """Send the headers a byte at a time, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Wait: ")
    with suppress(OSError):
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()
    handler.close_connection = True


def answers(status: int, body: Any = b"", **headers: str) -> Fault:
    """Answer so: bytes as they are, all else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = Reply(status, content, {name.replace("_", "-"): value for name, value in headers.items()})
    return lambda handler, asked: handler.reply(reply)


def error(status: int, kind: str, reason: str = "a fault of the test's", **headers: str) -> Fault:
    """Answer as both products do when they cannot."""
    cause = {"type": kind, "reason": reason}
    return answers(status, {"error": {"root_cause": [cause], **cause}, "status": status}, **headers)


def rate_limited(retry_after: str = "") -> Fault:
    headers = {"Retry_After": retry_after} if retry_after else {}
    return error(429, "es_rejected_execution_exception", **headers)


#: What a proxy before the engine says when the engine is away.
unavailable = answers(503, b"<html><h1>503 Service Temporarily Unavailable</h1></html>", Content_Type="text/html")
#: No copy of some shard is there.
red = error(503, "search_phase_execution_exception", "all shards failed")
#: What nginx says, and both products say in JSON.
too_large = answers(413, b"<html><h1>413 Request Entity Too Large</h1></html>", Content_Type="text/html")


def truncates(handler: Handler, asked: Asked) -> None:
    """Break off in the middle of the answer."""
    reply = handler.forward(asked)
    handler.reply(Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers), len(reply.body))
    handler.close_connection = True


def cuts_json(handler: Handler, asked: Asked) -> None:
    """Answer half of the JSON as if that were all."""
    reply = handler.forward(asked)
    handler.reply(Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers))


def changes(change: Callable[[Any], Any]) -> Fault:
    """Have the engine answer, and pass on what this makes of its JSON."""

    def lie(handler: Handler, asked: Asked) -> None:
        reply = handler.forward(asked)
        changed = json.dumps(change(json.loads(reply.body))).encode()
        handler.reply(Reply(reply.status, changed, reply.headers))

    return lie


#: Some shards have added nothing to the answer.
partial = changes(lambda found: found | {"_shards": {"total": 2, "successful": 1, "skipped": 0, "failed": 1}})
timed_out = changes(lambda found: found | {"timed_out": True})


def read_only(handler: Handler, asked: Asked) -> None:
    """Let nothing be written, as an index does when its disk is full: whole requests, and each item of a bulk."""
    if asked.method in {"GET", "HEAD"} or "_search" in asked.path or "_count" in asked.path:
        handler.reply(handler.forward(asked))
        return
    cause = {"type": "cluster_block_exception", "reason": "index [jobs] blocked by: [FORBIDDEN/8/index write (api)];"}
    if "_bulk" not in asked.path:
        handler.reply(Reply(403, json.dumps({"error": cause, "status": 403}).encode()))
        return
    refused = [
        {verb: {"_index": of["_index"], "_id": of["_id"], "status": 403, "error": cause}}
        for verb, of in bulk_actions(asked)
    ]
    handler.reply(Reply(200, json.dumps({"took": 0, "errors": True, "items": refused}).encode()))


def bulk_actions(asked: Asked) -> list[tuple[str, dict[str, Any]]]:
    """Give the verb and the address of each operation of a bulk request."""
    body = urllib3.response.GzipDecoder().decompress(asked.body) if "gzip" in _encoding(asked) else asked.body
    lines = iter(body.splitlines())
    found = []
    for line in lines:
        [(verb, address)] = json.loads(line).items()
        found.append((verb, address))
        if verb == "index":
            next(lines)
    return found


def _encoding(asked: Asked) -> str:
    return asked.headers.get("content-encoding", "")


def _fits(asked: Asked, method: str, path: re.Pattern[str]) -> bool:
    return method in {"", asked.method} and path.search(asked.path) is not None


@contextmanager
def proxying(url: str, ca_certs: str = "") -> Iterator[FaultProxy]:
    """Run a proxy before the engine at this address inside the block."""
    with running(FaultProxy(url, ca_certs)) as proxy:
        try:
            yield proxy
        finally:
            proxy.healed.set()
            proxy.upstream.clear()

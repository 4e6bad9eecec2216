"""A receiver of webhooks on this machine: keeps what it is sent, and answers as it is told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from standardwebhooks.webhooks import Webhook

from tests.local_server import LocalServer, running


@dataclass(frozen=True)
class Received:
    """One request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.body)
        return message

    def verified(self, secret: str) -> dict[str, Any]:
        """Give the message as a receiver with this secret does; raises if it is not signed so."""
        message: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Receiver"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.close_connection = True
        self.server.answer(self)

    def say(self, status: int, text: str = "", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None: ...


class Receiver(LocalServer):
    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Handler], None] = lambda handler: handler.say(204)
        super().__init__(Handler)

    def url(self, path: str = "/hooks") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def answers(self, status: int, text: str = "", **headers: str) -> None:
        """Say so to whoever comes from now on."""
        self.answer = lambda handler: handler.say(status, text, **headers)


@contextmanager
def receiving() -> Iterator[Receiver]:
    with running(Receiver()) as receiver:
        yield receiver

"""Real servers on this machine for the fetcher to talk to, well-behaved or not."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.local_server import LocalServer, running

TLS = Path(__file__).parents[2] / "fixtures" / "tls"

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answers[self.path.split("?")[0]](self)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class Server(LocalServer):
    """Answers each path as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.server_names: list[str | None] = []
        super().__init__(Handler)

    def url(self, path: str = "/", host: str = "articles.test", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.server_port}{path}"

    def speak_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "server.pem")
        context.sni_callback = lambda sock, name, _: self.server_names.append(name)
        self.socket = context.wrap_socket(self.socket, server_side=True)


@contextmanager
def serving() -> Iterator[Server]:
    with running(Server()) as server:
        yield server


def page(body: bytes, content_type: str = "text/html; charset=utf-8", status: int = 200, **headers: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def redirect(location: str, status: int = 302) -> Answer:
    return page(b"", status=status, Location=location)


def raw(*pieces: bytes) -> Answer:
    """Write bytes as they are, without a status line of the server's own, then hang up."""

    def answer(handler: Handler) -> None:
        for piece in pieces:
            handler.wfile.write(piece)

    return answer


def dripping(start: bytes, drop: bytes) -> Answer:
    """Begin, then send one drop again and again until the test is over or the client has gone."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(start)
        drip(handler.connection, drop, handler.server.over)

    return answer


def drip(connection: socket.socket, drop: bytes, over: threading.Event) -> None:
    while not over.wait(0.01):
        try:
            connection.sendall(drop)
        except OSError:
            return


@contextmanager
def listening(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Serve one connection below HTTP; gives the port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                talk(connection, over)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join(5)


@dataclass
class Names:
    """A name server that says what it is told, and remembers who asked; the last answer is kept for good."""

    answers: list[list[str]] = field(default_factory=lambda: [["127.0.0.1"]])
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int, seconds: float) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

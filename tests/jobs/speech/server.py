"""A speech server on this machine that speaks the wire format of OpenAI's, well-behaved or not."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.jobs.articles.web import Handler, Server, drip, page
from tests.local_server import running

__all__ = ["SpeechServer", "audio", "dripping", "error", "refusal", "reset", "serving_speech"]

Answer = Callable[[Handler], None]


class _SpeechHandler(Handler):
    server: "SpeechServer"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(json.loads(body))
        self.server.requests.append((self.path, dict(self.headers)))
        answers = self.server.queue
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)
        self.close_connection = True


class SpeechServer(Server):
    """Answers in the order of `queue`, the last one again and again, and remembers what it was asked to say."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = _SpeechHandler
        self.queue: list[Answer] = []
        self.asked: list[dict[str, Any]] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def serving_speech() -> Iterator[SpeechServer]:
    with running(SpeechServer()) as server:
        yield server


def audio(content: bytes, content_type: str = "audio/mpeg") -> Answer:
    return page(content, content_type)


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Answer:
    """Refuse as OpenAI's API does."""
    said = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    return page(json.dumps(said).encode(), "application/json", status, **headers)


def refusal(said: Any) -> Answer:
    """Answer 200, and words instead of sound."""
    return page(json.dumps(said).encode(), "application/json")


def dripping(content_type: str = "audio/mpeg") -> Answer:
    """Begin, and then send a byte now and then until the client has gone."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\n".encode())
        drip(handler.connection, b"\xff", handler.server.over)

    return answer


def reset(handler: Handler) -> None:
    """Promise much, and hang up."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 5000\r\n\r\n\xff\xf3")

"""A server on this machine that speaks as Groq and Anthropic do, as their public descriptions have it; or badly."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal

from tests.local_server import LocalServer, running

Kind = Literal["groq", "claude"]
Answer = Callable[["Handler", Kind], None]

SUMMARY = "Ekiden is a relay race in which each runner hands over the sash. It began in 1917."


@dataclass(frozen=True)
class Asked:
    """One request that came in."""

    kind: Kind
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def instructions(self) -> str:
        """What the provider takes for our own words."""
        return str(self.body["system"] if self.kind == "claude" else self.body["messages"][0]["content"])

    @property
    def data(self) -> str:
        """What the provider is given to work on."""
        return str(self.body["messages"][-1]["content"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "AiServer"

    def do_POST(self) -> None:
        kind: Kind = "claude" if self.path.endswith("/messages") else "groq"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(Asked(kind, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.close_connection = True
        self.server.next_answer(kind)(self, kind)

    def log_message(self, *args: object) -> None:
        pass

    def reply(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response_only(status)
        usual = {"Date": self.date_time_string(), "Content-Type": "application/json"}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class AiServer(LocalServer):
    """Answers each provider's requests as told, the last answer again and again, and remembers what it was asked."""

    request_queue_size = 128

    def __init__(self) -> None:
        self.groq: list[Answer] = [says(SUMMARY)]
        self.claude: list[Answer] = [says(SUMMARY)]
        self.asked: list[Asked] = []
        #: Of bodies without end: what went out.
        self.bytes_sent = 0
        self._lock = threading.Lock()
        super().__init__(Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_answer(self, kind: Kind) -> Answer:
        answers = self.groq if kind == "groq" else self.claude
        with self._lock:
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def asked_of(self, kind: Kind) -> list[Asked]:
        return [asked for asked in self.asked if asked.kind == kind]


@contextmanager
def serving() -> Iterator[AiServer]:
    with running(AiServer()) as server:
        yield server


def completion(text: Any, finish: str = "stop", input_tokens: int = 400, output_tokens: int = 40) -> dict[str, Any]:
    """A chat completion as Groq's API reference has it."""
    return {
        "id": "chatcmpl-f51b2cd2-bef7-417e-964e-a08f0b513c22",
        "object": "chat.completion",
        "created": 1730241104,
        "model": "openai/gpt-oss-120b",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": {
            "queue_time": 0.037493756,
            "prompt_tokens": input_tokens,
            "prompt_time": 0.000680594,
            "completion_tokens": output_tokens,
            "completion_time": 0.463333333,
            "total_tokens": input_tokens + output_tokens,
            "total_time": 0.464013927,
        },
        "system_fingerprint": "fp_179b0f92c9",
        "x_groq": {"id": "req_01jbd6g2qdfw2adyrt2az8hz4w"},
    }


def message(blocks: Any, stop: str = "end_turn", input_tokens: int = 400, output_tokens: int = 40) -> dict[str, Any]:
    """A message as Anthropic's API reference has it."""
    return {
        "id": "msg_013Zva2CMHLNnjNjnDpEXi2N",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {
            "input_tokens": input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
            "service_tier": "standard",
        },
    }


def says(text: Any, *, cut_off: bool = False, input_tokens: int = 400, output_tokens: int = 40) -> Answer:
    """Answer with a text."""

    def answer(handler: Handler, kind: Kind) -> None:
        if kind == "groq":
            handler.reply(200, completion(text, "length" if cut_off else "stop", input_tokens, output_tokens))
            return
        stop = "max_tokens" if cut_off else "end_turn"
        handler.reply(200, message([{"type": "text", "text": text}], stop, input_tokens, output_tokens))

    return answer


def sends(body: Any, status: int = 200, **headers: str) -> Answer:
    """Answer with a body as it is."""

    def answer(handler: Handler, kind: Kind) -> None:
        handler.reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    return answer


#: Types of Anthropic's errors, and codes of Groq's, by status.
_TYPES = {
    **{400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error"},
    **{404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error"},
    529: "overloaded_error",
}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def fails(status: int, *, code: str | None = None, words: str = "It went wrong.", **headers: str) -> Answer:
    """Answer with an error body of the provider's own form."""

    def answer(handler: Handler, kind: Kind) -> None:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if kind == "groq":
            error: dict[str, Any] = {"message": words, "type": "invalid_request_error"}
            found = code or _CODES.get(status)
            handler.reply(status, {"error": {**error, **({"code": found} if found else {})}}, sent)
            return
        error = {"type": _TYPES.get(status, "api_error"), "message": words}
        if code:
            error["details"] = {"error_code": code}
        handler.reply(
            status,
            {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"},
            {"request-id": "req_011CSHoEeqs5C35K2UUqR7Fy", **sent},
        )

    return answer


def calls_a_tool(name: str = "run_sql", arguments: str = '{"sql": "DROP TABLE users"}') -> Answer:
    def answer(handler: Handler, kind: Kind) -> None:
        if kind == "claude":
            block = {"type": "tool_use", "id": "toolu_01", "name": name, "input": json.loads(arguments)}
            handler.reply(200, message([block], "tool_use"))
            return
        body = completion(None, "tool_calls")
        call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
        body["choices"][0]["message"]["tool_calls"] = [call]
        handler.reply(200, body)

    return answer


def declines(handler: Handler, kind: Kind) -> None:
    """Refuse for reasons of safety: Claude says so apart, others in words."""
    if kind == "claude":
        handler.reply(200, message([], "refusal"))
    else:
        handler.reply(200, completion(""))


def resets(handler: Handler, kind: Kind) -> None:
    """Break the connection off."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def truncates(handler: Handler, kind: Kind) -> None:
    """Announce more than is sent."""
    body = json.dumps(completion(SUMMARY)).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[:-20])


def drips(handler: Handler, kind: Kind) -> None:
    """Send a body without a length, a byte at a time, for as long as anybody reads."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    _drip(handler, b" ")


def drips_headers(handler: Handler, kind: Kind) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler, b"a")


def _drip(handler: Handler, drop: bytes) -> None:
    with suppress(OSError):
        while not handler.server.over.wait(0.02):
            handler.connection.sendall(drop)


def hangs(handler: Handler, kind: Kind) -> None:
    """Never answer."""
    handler.server.over.wait(60)


def floods(announced: bool, megabytes: int = 50) -> Answer:
    """Send a body of many megabytes, with its length told before or in chunks."""

    def answer(handler: Handler, kind: Kind) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        if announced:
            handler.send_header("Content-Length", str(megabytes << 20))
        else:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        piece = b" " * 65_536
        sent = piece if announced else b"10000\r\n" + piece + b"\r\n"
        with suppress(OSError):
            for _ in range(megabytes * 16):
                handler.wfile.write(sent)
                handler.server.bytes_sent += len(piece)

    return answer


@dataclass
class Gate:
    """Answers that wait until the test lets them go; it sees how many are under way."""

    text: str = SUMMARY
    open: threading.Event = field(default_factory=threading.Event)
    inside: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    now: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, handler: Handler, kind: Kind) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.inside.release()
        self.open.wait(30)
        with self._lock:
            self.now -= 1
        says(self.text)(handler, kind)

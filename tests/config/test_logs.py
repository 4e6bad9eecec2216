"""Log lines: their fields, and what cannot stand in them."""

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from config import logs
from config.api import request_ids
from config.log_fields import Fields
from jobs import current
from jobs.outcomes import Attempt

ATTEMPT = Attempt("job-1", 7, "summarize", "mail", 5, "{}", 2, 1, 3, None, 0.0, request_id="req-1")


@pytest.fixture(autouse=True)
def _outside_of_requests() -> Iterator[None]:
    """A test before these may have left its request open."""
    token = request_ids.current.set("")
    yield
    request_ids.current.reset(token)


def record(message: str, *args: Any, exc_info: Any = None, **extra: Any) -> logging.LogRecord:
    made = logging.getLogger("some.library").makeRecord(
        "some.library", logging.WARNING, "file.py", 1, message, args, exc_info, extra=extra
    )
    Fields().filter(made)
    return made


def as_json(made: logging.LogRecord) -> dict[str, Any]:
    text = logs.JsonFormatter().format(made)
    assert len(text.splitlines()) == 1
    line: dict[str, Any] = json.loads(text)
    return line


def as_text(made: logging.LogRecord) -> str:
    return logs.TextFormatter().format(made)


def raised(error: Exception) -> Any:
    try:
        raise error
    except type(error):
        return sys.exc_info()


def test_a_line_is_an_object_with_its_time_in_utc() -> None:
    made = record("it took %s s", 3, pages=2)
    made.created = 1767225600.25

    assert as_json(made) == {
        "time": "2026-01-01T00:00:00.250Z",
        "level": "WARNING",
        "logger": "some.library",
        "message": "it took 3 s",
        "pages": 2,
    }
    assert as_text(made) == "00:00:00 WARNING some.library it took 3 s  pages=2"


def test_lines_of_an_attempt_say_so_whoever_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "_worker_id", "host:1")
    with current.running(ATTEMPT):
        line = as_json(record("words"))
        own = as_json(record("words", job="another"))
    after = as_json(record("words"))

    fields = {"job": "job-1", "job_type": "summarize", "attempt": 2, "queue": "mail", "request_id": "req-1"}
    assert line.items() >= {**fields, "worker": "host:1"}.items()
    assert own["job"] == "another", "what a line says itself stays"
    assert after["worker"] == "host:1" and not fields.keys() & after.keys()


def test_exceptions_are_objects() -> None:
    line = as_json(record("it failed", exc_info=raised(ValueError("no\nnumber"))))

    exception = line["exception"]
    assert (exception["type"], exception["message"]) == ("builtins.ValueError", "no\nnumber")
    assert exception["stack"].startswith("Traceback") and "in raised" in exception["stack"]


def test_no_line_passes_for_another() -> None:
    made = record("ok\n00:00:00 ERROR forged\r\x1b[2K\u2028end", name_="a\nb", exc_info=raised(ValueError("x\ny")))

    line = as_json(made)
    assert line["message"] == "ok\n00:00:00 ERROR forged\r\x1b[2K\u2028end", "nothing is lost"
    first, *others = as_text(made).split("\n")
    assert others and all(other.startswith("    ") for other in others)
    assert "\x1b" not in as_text(made) and "\r" not in as_text(made) and "\u2028" not in as_text(made)
    assert "\\x1b[2K" in first + "".join(others)


@pytest.mark.parametrize("format_", [logs.JsonFormatter().format, logs.TextFormatter().format])
def test_secrets_are_left_out_wherever_they_stand(format_: Any) -> None:
    key = "ekiden_live_" + "a1B2c3D4" * 4
    text = format_(
        record(
            "sent %s to https://ada:hunter2hunter2@example.org",
            key,
            password="hunter2hunter2",
            headers={"Authorization": "Bearer hunter2hunter2"},
            exc_info=raised(ValueError(f"key {key}")),
        )
    )

    assert key not in text and "hunter2" not in text
    assert text.count("[redacted]") >= 4


def test_lines_are_bounded_and_never_fail() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    line = as_json(record("x" * 1_000_000, big="y" * 1_000_000, exc_info=raised(Odd())))
    assert len(json.dumps(line)) < 60_000
    assert as_json(record("%d", "no number"))["message"].startswith("'%d' with ('no number',)")
    assert as_json(record("words", thing=object()))["thing"].startswith("<object")


def test_auto_is_text_on_a_terminal_and_json_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def style(stream: Any, wanted: str = "auto") -> str:
        monkeypatch.setattr(sys, "stderr", stream)
        return str(logs.dictionary("INFO", wanted)["handlers"]["stderr"]["formatter"])

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    assert [style(Terminal()), style(StringIO()), style(StringIO(), "text"), style(None)] == [
        *("text", "json", "text", "json")
    ]

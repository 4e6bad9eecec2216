"""How log lines look: readable ones on a terminal, one JSON object a line for machines.

Both show the fields of config.log_fields. Nothing in a line can pass for another line, and what looks like a secret is
left out.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

from jobs.scrubbing import scrub, scrub_head, scrub_tail

STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
MESSAGE_MAX_LENGTH: Final = 8_000
#: The end of a stack says more than its begin.
STACK_MAX_LENGTH: Final = 16_000
FIELDS_MAX_LENGTH: Final = 8_000

#: Characters that terminals obey and programs take for the end of a line; JSON escapes only the first 32.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
#: What people at a terminal do not need on every line.
_FOR_MACHINES: Final = frozenset({"queue", "worker", "supervisor", "processes", "span_id", "request", "status_code"})


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what was passed as `extra` stands beside the message, an exception as an object."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **_extra(record),
        }
        if exception := _exception(record):
            line["exception"] = exception
        if record.stack_info:
            line["stack"] = scrub_tail(record.stack_info, STACK_MAX_LENGTH)
        return _CONTROL.sub(_json_escape, json.dumps(line, default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """One line for people, fields behind the words; what has more lines is indented."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        fields = {name: value for name, value in _extra(record).items() if name not in _FOR_MACHINES}
        text = f"{time} {record.levelname:7} {record.name} {_message(record)}"
        text = "  ".join([text, *(f"{name}={value}" for name, value in fields.items())])
        if exception := _exception(record):
            text = f"{text}\n{exception['stack'].rstrip()}"
        if record.stack_info:
            text = f"{text}\n{scrub_tail(record.stack_info, STACK_MAX_LENGTH)}"
        return _CONTROL.sub(_escape, text).replace("\n", "\n    ")


def _message(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a line with wrong arguments is still a line
        text = f"{record.msg!r} with {record.args!r}: {error}"
    return scrub_head(text, MESSAGE_MAX_LENGTH)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    given = {key: value for key, value in vars(record).items() if key not in STANDARD and value is not None}
    copy: dict[str, Any] = scrub(given, FIELDS_MAX_LENGTH)
    return copy


def _exception(record: logging.LogRecord) -> dict[str, str] | None:
    if not record.exc_info or record.exc_info[0] is None:
        return None
    kind, error, _ = record.exc_info
    try:
        words = str(error)
    except Exception as worse:  # noqa: BLE001 - an error that cannot be printed is still to be told
        words = f"its message cannot be read ({type(worse).__name__})"
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "message": scrub_head(words, MESSAGE_MAX_LENGTH),
        "stack": scrub_tail(logging.Formatter().formatException(record.exc_info), STACK_MAX_LENGTH),
    }


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _json_escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def dictionary(level: str, style: str) -> dict[str, Any]:
    """Build Django's LOGGING: everything to standard error, where a supervisor collects it.

    `auto` is text where standard error is a terminal, and JSON everywhere else.
    """
    if style == "auto":
        style = "text" if sys.stderr is not None and sys.stderr.isatty() else "json"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"text": {"()": "config.logs.TextFormatter"}, "json": {"()": "config.logs.JsonFormatter"}},
        "filters": {"fields": {"()": "config.log_fields.Fields"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": style, "filters": ["fields"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            # The request log reports answers; Django's own warning for every 404 and 401 would repeat it.
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": [], "propagate": True},
            # The web server's own words about its processes.
            "_granian": {"handlers": [], "propagate": True},
        },
    }

"""What every log line says beside its words: which attempt, worker, request and trace it is of."""

import logging
from typing import Any

from config.api import request_ids
from jobs import current, tracing


class Fields(logging.Filter):
    """Add the fields in the thread or coroutine that writes the line, so that lines of libraries have them too.

    What a line says itself stays as it is.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        found: dict[str, Any] = {}
        if attempt := current.attempt.get():
            found = current.fields(attempt)
        if worker := current.worker_id():
            found["worker"] = worker
        if request_id := request_ids.current.get():
            found["request_id"] = request_id
        if tracing.tracer is not None and (ids := tracing.tracer.ids()):
            found["trace_id"], found["span_id"] = ids
        for name, value in found.items():
            record.__dict__.setdefault(name, value)
        return True

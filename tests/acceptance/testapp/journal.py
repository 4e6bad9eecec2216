"""What handlers and tests tell each other: a file of events, and gates that a test opens.

Files, not tables: they outlive workers that are killed and databases that are stopped.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

_DIRECTORY = Path(os.environ.get("PROOF_DIR", "/nonexistent"))


def emit(event: str, job_id: str = "", **details: Any) -> None:
    """Append one event; a line is written whole or not at all."""
    # The monotonic clock is the same in every process of a machine.
    line = {"event": event, "job": job_id, "pid": os.getpid(), "at": time.monotonic(), **details}
    descriptor = os.open(_DIRECTORY / "events", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)


def is_open(gate: str) -> bool:
    return (_DIRECTORY / f"gate-{gate}").exists()

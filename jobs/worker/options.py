"""How one worker process was told to work."""

import os
import socket
import uuid
from dataclasses import dataclass, field
from typing import Final

#: A worker that missed so many heartbeats is taken for dead.
SILENT_BEATS: Final = 3


def new_worker_id() -> str:
    """Name this process for its locks: made anew at every start, so that a restart is never its own past."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class WorkerOptions:
    """Options of `runworker`; times are seconds. `queues` and `job_types` None mean all."""

    queues: tuple[str, ...] | None = None
    job_types: tuple[str, ...] | None = None
    concurrency: int = 5
    batch_size: int = 100
    poll_interval: float = 5.0
    lock_duration: float = 300.0
    heartbeat_interval: float = 10.0
    grace: float = 30.0
    drain: bool = False
    max_jobs: int | None = None
    max_memory_mb: float | None = None
    maintenance: bool = True
    #: The id of the supervisor that scales this process with others; empty without one.
    supervisor: str = ""
    worker_id: str = field(default_factory=new_worker_id)

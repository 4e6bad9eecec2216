"""The supervisor's thread that talks to the database: a database that hangs must not keep it from its processes."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Count

from jobs.backlog import look_at_backlog
from jobs.models import ProcessingLock, Supervisor, Worker
from jobs.models.columns import ClockTimestamp
from jobs.worker.database import close_quietly, first_line
from jobs.worker.options import SILENT_BEATS
from jobs.worker.scaling.connections import room_for
from jobs.worker.stalls import StallWatch, talking

_logger = logging.getLogger(__name__)

#: A reading takes at most such a share of the time: it is dear where claims are, when dead index entries pile up.
SHARE: Final = 1 / 20


@dataclass(frozen=True, slots=True)
class DatabaseReading:
    """What the database says; `held` are jobs in the hands of our processes that have signed on, by their pid."""

    read_at: float
    age: float
    due: int
    held: Mapping[int, int]
    connection_room: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this supervisor is, and what its workers work on."""

    id: str
    slots: int
    queues: tuple[str, ...] | None = None
    job_types: tuple[str, ...] | None = None
    heartbeat_interval: float = 10.0
    hostname: str = field(default_factory=socket.gethostname)


class Watch(threading.Thread):
    """Reads every `interval` seconds, and as often as workers beat it writes down what `status` tells."""

    def __init__(self, identity: Identity, interval: float, status: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name="watch", daemon=True)
        self.identity = identity
        self.interval = interval
        self.latest: DatabaseReading | None = None
        self._status = status
        self._written: dict[str, Any] = {}
        self._write_due = 0.0
        self._complained = False
        self._ended = threading.Event()

    def stop(self, within: float) -> None:
        """Write down that the supervisor has ended; a database that is away is not waited for longer than said."""
        self._ended.set()
        if self.is_alive():
            self.join(within)

    def run(self) -> None:
        # What is away gets an error, what hangs is cut off.
        StallWatch(2 * self.identity.heartbeat_interval).start()
        took = 0.0
        while not self._ended.wait(max(self.interval, took / SHARE)):
            began = time.monotonic()
            try:
                with talking():
                    self.latest = self.read()
                    self.write()
                self._complained = False
            except (DatabaseError, InterfaceError) as error:
                self._complain(error)
            took = time.monotonic() - began
        self._sign_off()

    def read(self) -> DatabaseReading:
        """Look at the backlog, at our processes and at the connections that are left."""
        me = self.identity
        backlog = look_at_backlog(me.queues, me.job_types)
        silence = SILENT_BEATS * me.heartbeat_interval
        heard_of = ClockTimestamp() - timedelta(seconds=silence)
        workers = Worker.objects.running().filter(supervisor=me.id, heartbeat_at__gt=heard_of)
        pids = dict(workers.values_list("id", "pid"))
        locks = ProcessingLock.objects.filter(worker_id__in=pids).order_by()
        held = dict(locks.values_list("worker_id").annotate(Count("pk")))
        return DatabaseReading(
            read_at=time.monotonic(),
            age=max((queue.age_seconds for queue in backlog), default=0.0),
            due=sum(queue.due for queue in backlog),
            held={pid: held.get(worker_id, 0) for worker_id, pid in pids.items()},
            connection_room=room_for(me.id, me.slots, silence),
        )

    def write(self) -> None:
        """Write the supervisor's row when something has changed or a heartbeat is due."""
        status = self._status()
        now = time.monotonic()
        # Its thoughts change with every reading.
        if {**status, "reason": ""} == {**self._written, "reason": ""} and now < self._write_due:
            return
        changed = {"decided_at": ClockTimestamp()} if status["target"] != self._written.get("target") else {}
        values = {**status, **changed, "heartbeat_at": ClockTimestamp(), "stopped_at": None}
        Supervisor.objects.update_or_create(
            id=self.identity.id, defaults=values, create_defaults={**self._who(), **values}
        )
        self._written, self._write_due = status, now + self.identity.heartbeat_interval

    def _who(self) -> dict[str, Any]:
        return {
            "hostname": self.identity.hostname,
            "pid": os.getpid(),
            "queues": list(self.identity.queues or ()),
            "job_types": list(self.identity.job_types or ()),
        }

    def _complain(self, error: Exception) -> None:
        self.latest = None
        connection.close()
        if not self._complained:
            _logger.warning("the database does not answer, the number of processes stays: %s", first_line(error))
        self._complained = True

    def _sign_off(self) -> None:
        try:
            with talking():
                Supervisor.objects.filter(id=self.identity.id).update(stopped_at=ClockTimestamp(), actual=0, draining=0)
        except (DatabaseError, InterfaceError) as error:
            _logger.warning("could not sign off: %s", first_line(error))
        close_quietly()

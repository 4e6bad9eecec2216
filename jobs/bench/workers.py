"""Real worker processes, started for a measurement."""

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from jobs.bench.floor import BATCH
from jobs.bench.lane import COROUTINE, BenchLane
from jobs.models import Worker
from jobs.worker.supervisor import own_command

#: Handlers at once: coroutines are cheap, threads take turns.
CONCURRENCY: Final = {COROUTINE: 200}
THREADS: Final = 8

LOOK_SECONDS: Final = 0.1
LONGEST_DRAIN_SECONDS: Final = 900.0


class BenchWorker:
    """A `manage.py runworker` process on the lane; watches its memory."""

    def __init__(
        self, lane: BenchLane, job_type: str, *extra: str, maintenance: bool = False, **environment: str
    ) -> None:
        concurrency = CONCURRENCY.get(job_type, THREADS)
        own = [f"--queues={lane.name}", f"--concurrency={concurrency}", f"--batch-size={BATCH}"]
        if not maintenance:
            own.append("--no-maintenance")
        variables = [f"{name}={value}" for name, value in environment.items()]
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            ["env", *variables, *own_command(["runworker", *own, *extra])],  # noqa: S607
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.peak_rss_mb = 0.0
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def wait(self) -> None:
        """Wait until it ends; raises RuntimeError with its last words when it fails."""
        if self._process.wait(LONGEST_DRAIN_SECONDS):
            self._log.seek(0)
            raise RuntimeError(f"The worker failed: {self._log.read()[-2000:]}")
        self._watching.join()

    def rss_mb(self) -> float:
        """Its memory now, that of its children included."""
        try:
            process = psutil.Process(self._process.pid)
            return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 1e6
        except psutil.NoSuchProcess:
            return 0.0

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)

    def _watch(self) -> None:
        process = psutil.Process(self._process.pid)
        while self._process.poll() is None:
            try:
                self.peak_rss_mb = max(self.peak_rss_mb, process.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                return
            threading.Event().wait(LOOK_SECONDS)


def drain(lane: BenchLane, job_type: str, count: int, processes: int = 1) -> tuple[float, float]:
    """Fill the lane, drain it with so many processes; gives jobs per second and one worker's peak memory in MB.

    The workers are idle and listening when the jobs come, as in a resident service: importing Django is not measured.
    """
    with resident(lane, job_type, processes) as workers:
        lane.hold()
        lane.fill(count, job_type)
        lane.release()
        while lane.unfinished():
            threading.Event().wait(LOOK_SECONDS)
        peak = max(worker.peak_rss_mb for worker in workers)
    return lane.drain_rate(), peak


@contextmanager
def listening(lane: BenchLane, job_type: str, processes: int = 1, *queues: str) -> Iterator[list[BenchWorker]]:
    """Have workers of these queues, beside the lane running inside the block; its name is how they are found."""
    workers = [BenchWorker(lane, job_type, f"--queues={','.join((lane.name, *queues))}") for _ in range(processes)]
    mine = Worker.objects.filter(queues__contains=[lane.name])
    try:
        while mine.running().count() < processes:
            threading.Event().wait(LOOK_SECONDS)
        yield workers
    finally:
        for worker in workers:
            worker.stop()
        mine.delete()


@contextmanager
def resident(lane: BenchLane, job_type: str, processes: int = 1) -> Iterator[list[BenchWorker]]:
    """Have workers running and idle inside the block."""
    workers = [BenchWorker(lane, job_type) for _ in range(processes)]
    try:
        while Worker.objects.running().filter(queues=[lane.name]).count() < processes:
            threading.Event().wait(LOOK_SECONDS)
        yield workers
    finally:
        for worker in workers:
            worker.stop()

"""How much of the CPU and memory that we may use is in use, and how much of it by our own worker processes."""

import math
import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

import psutil

from jobs.worker.scaling.cgroups import Cgroups, Memory, find_cgroups

#: What a worker process is taken to need before one has been measured.
USUAL_BYTES: Final = 120_000_000


@dataclass(frozen=True, slots=True)
class MachineReading:
    """Shares of 1; `memory_room` is how many processes more, as large as the largest, fit below the limit."""

    cpu: float
    own_cpu: float
    memory: float
    memory_room: int


class Machine:
    """Measures from one reading to the next: the control group where it is limited, the machine where it is not.

    Of memory the tighter of the two counts, because either ends processes when it is full.
    """

    def __init__(self, memory_limit: float, groups: Cgroups | None = None) -> None:
        self._memory_limit = memory_limit
        self._groups = find_cgroups() if groups is None else groups
        self._seconds: dict[int, float] = {}
        self._quota_seconds: list[float] = []
        self._read_at = time.monotonic()
        self.read(())

    def read(self, pids: Collection[int]) -> MachineReading:
        """Measure; the worker processes named, each with its children, are what is our own."""
        now = time.monotonic()
        elapsed, self._read_at = max(now - self._read_at, 0.001), now
        sizes, seconds = self._own_use(pids)
        cpu, cores = self._cpu(elapsed)
        memory, room = self._memory(sizes)
        return MachineReading(cpu, min(cpu, seconds / elapsed / cores), memory, room)

    def _own_use(self, pids: Collection[int]) -> tuple[list[int], float]:
        """Give the bytes of each worker process, and the seconds of CPU that all used since the last reading."""
        sizes, seconds = dict.fromkeys(pids, 0), {}
        for process, root in _families(pids):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    seconds[process.pid] = times.user + times.system
                    sizes[root] += process.memory_info().rss
            except psutil.Error:
                continue
        before, self._seconds = self._seconds, seconds
        spent = sum(max(0.0, now - before.get(pid, 0.0)) for pid, now in seconds.items())
        return [size for size in sizes.values() if size], spent

    def _cpu(self, elapsed: float) -> tuple[float, float]:
        """Give the share in use, and of how many cores."""
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # Asked every time: it measures since the last call.
        by_cpu = psutil.cpu_percent(percpu=True)
        quotas = list(self._groups.quotas())
        before, self._quota_seconds = self._quota_seconds, [quota.used for quota in quotas]
        shares = [
            ((quota.used - earlier) / elapsed / cores, cores)
            for quota, earlier in zip(quotas, before, strict=False)
            if (cores := min(quota.cores, allowed)) > 0
        ]
        if shares:
            share, cores = max(shares)
            return min(1.0, max(0.0, share)), cores
        mine = [by_cpu[number] for number in _affinity(len(by_cpu))]
        return sum(mine) / len(mine) / 100, float(allowed)

    def _memory(self, sizes: list[int]) -> tuple[float, int]:
        machine = psutil.virtual_memory()
        each = max(sizes, default=USUAL_BYTES)
        # Those that were started just now are going to be as large as the others.
        growth = sum(each - size for size in sizes)
        bounds = [Memory(machine.total - machine.available, machine.total), *self._groups.memories()]
        room = min((self._memory_limit * bound.limit - bound.used - growth) / each for bound in bounds)
        return max(bound.used / bound.limit for bound in bounds), max(0, math.floor(room))


def _affinity(cpus: int) -> list[int]:
    """Name the CPUs that we may run on."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(cpus))
    return [number for number in os.sched_getaffinity(0) if number < cpus] or list(range(cpus))


def _families(pids: Collection[int]) -> Iterator[tuple[psutil.Process, int]]:
    """Give these children of ours and all below them, each with the one of `pids` that it belongs to."""
    if not pids:
        return
    roots = {pid: pid for pid in pids}
    parents: dict[int, int] = {}
    processes = psutil.Process().children(recursive=True)
    for process in processes:
        try:
            parents[process.pid] = process.ppid()
        except psutil.Error:
            continue
    for process in processes:
        ancestor: int | None = process.pid
        while ancestor is not None and ancestor not in roots:
            ancestor = parents.get(ancestor)
        if ancestor is not None:
            yield process, ancestor

"""What the kernel's control groups allow us of memory and CPU: version 1, version 2, and both beside each other.

Sets of CPUs are not looked at here: the kernel has them in the affinity of each process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in use and how many may be."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class CpuQuota:
    """Seconds of CPU that were used up to now, and how many may be used in a second."""

    used: float
    cores: float


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The groups that this process is in, each behind the one that it is nested in, as far as they are mounted here.

    A limit of any of them binds, so each is looked at with the use of its own group.
    """

    #: Version 2.
    unified: tuple[Path, ...] = ()
    #: Version 1, by controller.
    memory: tuple[Path, ...] = ()
    cpu: tuple[Path, ...] = ()
    cpuacct: tuple[Path, ...] = ()

    def memories(self) -> Iterator[Memory]:
        """Give the use of each group that has a limit; files that the kernel can drop at once do not count."""
        for group in self.unified:
            yield from _memory(group, "memory.max", "memory.current", "inactive_file")
        for group in self.memory:
            yield from _memory(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")

    def quotas(self) -> Iterator[CpuQuota]:
        """Give the use of each group that may not use the CPUs all the time."""
        for group in self.unified:
            quota, _, period = _text(group / "cpu.max").partition(" ")
            used = _fields(group / "cpu.stat").get("usage_usec")
            if used is not None and quota.isdigit() and period.isdigit():
                yield CpuQuota(used / 1e6, int(quota) / int(period))
        # Two hierarchies, mounted as one as a rule.
        for level, (group, counted) in enumerate(zip(self.cpu, self.cpuacct, strict=False)):
            allowed, period_us = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
            spent = _number(counted / "cpuacct.usage")
            if (
                spent is not None
                and allowed
                and allowed > 0
                and period_us
                and (not level or group.name == counted.name)
            ):
                yield CpuQuota(spent / 1e9, allowed / period_us)


def find_cgroups(proc: Path = PROC, root: Path = Path("/")) -> Cgroups:
    """Find the groups of this process by what the kernel says of it and of its mounts; none where there are none."""
    try:
        mounts = {name: (mounted, point) for name, mounted, point in _mounts((proc / "mountinfo").read_text())}
        memberships = (proc / "cgroup").read_text().splitlines()
    except OSError:
        return Cgroups()
    found: dict[str, tuple[Path, ...]] = {}
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in mounts:
                mounted, point = mounts[controller]
                found[controller] = _nested(root / point.lstrip("/"), mounted, path)
    return Cgroups(*(found.get(name, ()) for name in ("", "memory", "cpu", "cpuacct")))


def _mounts(mountinfo: str) -> Iterator[tuple[str, str, str]]:
    """Give the controller ('' is version 2), which group is mounted, and where."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        mounted, point = before.split()[3:5]
        kind, *_, options = after.split()
        if kind == "cgroup2":
            yield "", mounted, point
        elif kind == "cgroup":
            for option in options.split(","):
                yield option, mounted, point


def _nested(point: Path, mounted: str, path: str) -> tuple[Path, ...]:
    """Give the groups from the mounted one down to this; a container sees its own as the mounted one, or not at all."""
    above = mounted.rstrip("/")
    below = path.removeprefix(above) if path == above or path.startswith(f"{above}/") else ""
    groups = [point]
    for name in below.split("/"):
        if name and name != ".." and (groups[-1] / name).is_dir():
            groups.append(groups[-1] / name)
    return tuple(groups)


def _memory(group: Path, limit: str, usage: str, droppable: str) -> Iterator[Memory]:
    most, used = _number(group / limit), _number(group / usage)
    if most and used is not None:
        yield Memory(max(0, used - _fields(group / "memory.stat").get(droppable, 0)), most)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    """Read a number; None where there is none, or the word `max`."""
    text = _text(file)
    return int(text) if text.lstrip("-").isdigit() else None


def _fields(file: Path) -> dict[str, int]:
    """Read lines of a name and a number."""
    pairs = (line.split() for line in _text(file).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}

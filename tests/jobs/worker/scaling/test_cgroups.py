"""The kernel's own formats, in a directory of ours: systemd, containers, version 1, and what is not there."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from jobs.worker.scaling.cgroups import Cgroups, CpuQuota, Memory, find_cgroups
from jobs.worker.scaling.machine import Machine

V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#: As on Debian 10: one mount for each hierarchy, two controllers in one of them.
V1 = (
    "30 23 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755\n"
    "36 30 0:32 / /sys/fs/cgroup/memory rw,relatime shared:15 - cgroup cgroup rw,memory\n"
    "38 30 0:34 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:17 - cgroup cgroup rw,cpu,cpuacct\n"
)
#: As Docker mounts them: the container's own group, at the mount point.
DOCKER_V1 = (
    "700 690 0:32 /docker/3f2a /sys/fs/cgroup/memory ro,nosuid - cgroup memory rw,memory\n"
    "701 690 0:34 /docker/3f2a /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cpu,cpuacct rw,cpu,cpuacct\n"
)
#: What version 1 says where there is no limit.
UNLIMITED = 9_223_372_036_854_771_712


@pytest.fixture
def lay(tmp_path: Path):
    """Lay a machine's files; gives the groups that a process there finds."""

    def lay(mountinfo: str, membership: str, files: dict[str, str]) -> Cgroups:
        proc = tmp_path / "proc"
        proc.mkdir()
        (proc / "mountinfo").write_text(mountinfo)
        (proc / "cgroup").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "sys/fs/cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        return find_cgroups(proc, tmp_path)

    return lay


def test_a_service_of_systemd_with_a_limit_of_its_own_and_one_of_its_slice(lay):
    groups = lay(
        V2,
        "0::/system.slice/ekiden-worker@1.service\n",
        {
            "cpu.stat": "usage_usec 99000000\nuser_usec 1\nsystem_usec 1",
            "system.slice/memory.max": "8589934592",
            "system.slice/memory.current": "4294967296",
            "system.slice/memory.stat": "anon 1000\nfile 3000000000\ninactive_file 2000000000\nactive_file 5",
            "system.slice/cpu.max": "max 100000",
            "system.slice/cpu.stat": "usage_usec 77000000",
            "system.slice/ekiden-worker@1.service/memory.max": "2147483648",
            "system.slice/ekiden-worker@1.service/memory.current": "1000000000",
            "system.slice/ekiden-worker@1.service/memory.stat": "anon 1000\ninactive_file 250000000",
            "system.slice/ekiden-worker@1.service/cpu.max": "150000 100000",
            "system.slice/ekiden-worker@1.service/cpu.stat": "usage_usec 1234500\nuser_usec 1000000",
        },
    )
    assert list(groups.memories()) == [Memory(2_294_967_296, 8_589_934_592), Memory(750_000_000, 2_147_483_648)]
    assert list(groups.quotas()) == [CpuQuota(1.2345, 1.5)]


def test_a_container_sees_its_group_as_the_root(lay):
    files = {
        "memory.max": "536870912",
        "memory.current": "300000000",
        "memory.stat": "inactive_file 100000000",
        "cpu.max": "50000 100000",
        "cpu.stat": "usage_usec 500000",
    }
    groups = lay(V2, "0::/\n", files)
    assert list(groups.memories()) == [Memory(200_000_000, 536_870_912)]
    assert list(groups.quotas()) == [CpuQuota(0.5, 0.5)]


def test_no_limit_is_no_group(lay):
    files = {"app/memory.max": "max", "app/memory.current": "1", "app/cpu.max": "max 100000", "app/cpu.stat": "x"}
    groups = lay(V2, "0::/app\n", files)
    assert not list(groups.memories()) and not list(groups.quotas())


def test_version_1(lay):
    groups = lay(
        V1,
        "9:name=systemd:/app\n4:memory:/app\n2:cpu,cpuacct:/app\n0::/\n",
        {
            "memory/memory.limit_in_bytes": str(UNLIMITED),
            "memory/memory.usage_in_bytes": "5000",
            "memory/app/memory.limit_in_bytes": "1073741824",
            "memory/app/memory.usage_in_bytes": "900000000",
            "memory/app/memory.stat": "cache 5\ninactive_file 1\ntotal_inactive_file 400000000",
            "cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
            "cpu,cpuacct/cpuacct.usage": "7",
            "cpu,cpuacct/app/cpu.cfs_quota_us": "200000",
            "cpu,cpuacct/app/cpu.cfs_period_us": "100000",
            "cpu,cpuacct/app/cpuacct.usage": "2500000000",
        },
    )
    assert list(groups.memories())[1:] == [Memory(500_000_000, 1_073_741_824)]
    assert list(groups.quotas()) == [CpuQuota(2.5, 2.0)]


def test_version_1_in_a_container(lay):
    groups = lay(
        DOCKER_V1,
        "4:memory:/docker/3f2a\n2:cpu,cpuacct:/docker/3f2a\n",
        {"memory/memory.limit_in_bytes": "268435456", "memory/memory.usage_in_bytes": "100000000"},
    )
    assert list(groups.memories()) == [Memory(100_000_000, 268_435_456)]


def test_what_cannot_be_read_does_not_limit(tmp_path, lay):
    assert find_cgroups(tmp_path / "nowhere") == Cgroups()
    groups = lay(V2, "0::/../other\n", {"memory.max": "garbage", "memory.current": "", "cpu.max": "1"})
    assert not list(groups.memories()) and not list(groups.quotas())


def test_the_tighter_of_group_and_machine_is_the_memory_that_counts(tmp_path):
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("500000000\n")
    reading = Machine(0.8, Cgroups(unified=(tmp_path,))).read(())
    assert reading.memory >= 0.5
    # 300 MB are left below 80 %, and a process is taken to need 120 before one was measured.
    assert reading.memory_room == 2 or psutil.virtual_memory().percent > 50
    (tmp_path / "memory.current").write_text("790000000\n")
    assert Machine(0.8, Cgroups(unified=(tmp_path,))).read(()).memory_room == 0


def test_a_quota_is_what_the_use_of_the_cpu_is_compared_with(tmp_path, monkeypatch):
    clock = iter([99.0, 100.0, 110.0, 120.0])
    monkeypatch.setattr("jobs.worker.scaling.machine.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("jobs.worker.scaling.machine.os.sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1000000\n")
    machine = Machine(0.8, Cgroups(unified=(tmp_path,)))
    (tmp_path / "cpu.stat").write_text("usage_usec 11000000\n")
    # Ten seconds of CPU in ten seconds, of two cores.
    assert machine.read(()).cpu == pytest.approx(0.5)
    (tmp_path / "cpu.stat").write_text("usage_usec 31000000\n")
    assert machine.read(()).cpu == 1.0


#: Uses a fifth of a second of CPU, says so, and waits.
BURNING = """
import sys, time
while time.process_time() < 0.2: pass
print(flush=True)
sys.stdin.read()
"""


def test_our_own_part_is_that_of_our_children():
    machine = Machine(0.8, Cgroups())
    with subprocess.Popen([sys.executable, "-c", BURNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        reading = machine.read([child.pid])
        assert 0 < reading.own_cpu <= reading.cpu <= 1
        later = machine.read([child.pid])
        assert later.own_cpu < reading.own_cpu
        child.stdin.close()
    assert machine.read([child.pid]).own_cpu == 0

"""Whatever happens in whatever order: no kept answer is older than a second, or behind a write that was blocked.

Time is Redis's own, moved on by the test: every key comes nearer to its end by as much.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.redis_link import RedisLink
from jobs import status_cache
from jobs.status_cache import BLOCKED_MS, KEPT_MS, Answer, Lease, block, keep, look
from tests.redis_server import RedisServer, linked, running_redis

JOB = UUID("018f0000-0000-7000-8000-000000000001")
OWNER = UUID("018f0000-0000-7000-8000-000000000002")

PROMISED_MS = 1_000
#: Real time passes as well, while the machine is busy.
SLACK_MS = 2_000

PASS_TIME = """
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left <= tonumber(ARGV[1]) then
    redis.call('DEL', KEYS[1])
elseif left >= 0 then
    redis.call('PEXPIRE', KEYS[1], left - tonumber(ARGV[1]))
end
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def link(server: RedisServer) -> Iterator[RedisLink]:
    with linked(server.url) as link:
        link.client().flushall()
        yield link


def key(link: RedisLink) -> str:
    return f"{link.prefix}:job:{JOB}"


@dataclass
class Reader:
    lease: Lease | None
    read: int | None = None


@dataclass
class Writer:
    blocked_at: int
    good: bool


class Life(RuleBasedStateMachine):
    """One job, a database that is a number, readers and writers whose steps come in any order."""

    link: RedisLink

    def __init__(self) -> None:
        super().__init__()
        self.link.client().flushall()
        self.now = 0
        #: When each version was committed; the first is 1.
        self.commits = [0]
        self.least = 1
        self.readers: list[Reader] = []
        self.writer: Writer | None = None

    @property
    def version(self) -> int:
        return len(self.commits)

    @rule()
    def look(self) -> None:
        found = look(JOB)
        if isinstance(found, Answer):
            self.told(found.version)
        else:
            self.readers.append(Reader(found))

    def told(self, version: int) -> None:
        assert version >= self.least, f"behind a write that was blocked: {version} < {self.least}"
        if version < self.version:
            outdated_at = self.commits[version]
            assert self.now - outdated_at <= PROMISED_MS, f"{self.now - outdated_at} ms behind the database"

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def read_database(self, data: Any) -> None:
        data.draw(st.sampled_from(self.readers)).read = self.version

    @precondition(lambda self: any(reader.read for reader in self.readers))
    @rule(data=st.data())
    def answer(self, data: Any) -> None:
        reader = data.draw(st.sampled_from([reader for reader in self.readers if reader.read]))
        self.readers.remove(reader)
        if reader.lease and reader.read:
            keep(reader.lease, Answer(OWNER, reader.read, b"{}"))

    @precondition(lambda self: self.writer is None)
    @rule(lost=st.booleans())
    def begin_write(self, lost: bool) -> None:
        self.writer = Writer(self.now, good=not lost)
        if not lost:
            block([JOB])

    @precondition(lambda self: self.writer is not None)
    @rule()
    def commit(self) -> None:
        assert self.writer is not None
        self.commits.append(self.now)
        if self.writer.good and self.now - self.writer.blocked_at < BLOCKED_MS - SLACK_MS:
            self.least = self.version
        self.writer = None

    @rule(milliseconds=st.sampled_from([1, 50, 300, 600, 899, 901, 2_000]))
    def time_passes(self, milliseconds: int) -> None:
        self.now += milliseconds
        self.link.run("test", PASS_TIME, [key(self.link)], [milliseconds])

    @rule()
    def evict(self) -> None:
        self.link.client().delete(key(self.link))
        if self.writer:
            self.writer.good = False

    @invariant()
    def nothing_lives_for_ever(self) -> None:
        assert self.link.client().pttl(key(self.link)) <= BLOCKED_MS
        assert self.link.client().pttl(key(self.link)) != -1


def test_no_answer_is_older_than_a_second_or_behind_a_write_that_was_blocked(link):
    class Here(Life):
        pass

    Here.link = link
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize("leased", [True, False])
def test_an_answer_that_was_read_before_a_write_is_not_kept(link, monkeypatch, leased):
    """The course that leases are for; without them the machine above would fail."""
    if not leased:
        monkeypatch.setattr(status_cache, "_KEEP", "redis.call('SET', KEYS[1], ARGV[2], 'PX', 900)")
    Life.link = link
    life = Life()
    life.look()
    reader = life.readers[0]
    reader.read = life.version
    life.begin_write(lost=False)
    life.commit()
    assert reader.lease
    keep(reader.lease, Answer(OWNER, reader.read, b"{}"))
    if leased:
        life.look()
    else:
        with pytest.raises(AssertionError, match="behind a write"):
            life.look()


def test_what_is_kept_comes_back_until_it_is_blocked(link):
    lease = look(JOB)
    assert isinstance(lease, Lease)
    assert look(JOB) is None, "one reader at a time has the right to keep"
    keep(lease, Answer(OWNER, 7, b'{"a":\n1}'))
    assert look(JOB) == Answer(OWNER, 7, b'{"a":\n1}')
    assert 0 < link.client().pttl(key(link)) <= KEPT_MS
    block([JOB])
    assert look(JOB) is None
    keep(lease, Answer(OWNER, 7, b"{}"))
    assert look(JOB) is None


def test_jobs_of_nobody_and_large_answers(link):
    lease = look(JOB)
    keep(lease, Answer(None, 1, b"x" * (status_cache.LARGEST + 1)))
    assert look(JOB) is None
    keep(lease, Answer(None, 1, b"{}"))
    assert look(JOB) == Answer(None, 1, b"{}")


def test_many_are_blocked_at_once(link):
    ids = [UUID(int=n) for n in range(200)]
    leases = [look(job_id) for job_id in ids]
    block(ids)
    for lease in leases:
        keep(lease, Answer(OWNER, 1, b"{}"))
    assert {look(job_id) for job_id in ids} == {None}


def test_a_full_memory_still_lets_a_write_be_blocked(link):
    lease = look(JOB)
    keep(lease, Answer(OWNER, 1, b"{}"))
    # Whatever it holds is more than that.
    link.client().config_set("maxmemory", 1)
    assert look(JOB) == Answer(OWNER, 1, b"{}")
    block([JOB])
    assert look(JOB) is None
    link.client().config_set("maxmemory", 0)
    assert link.state.up and link.state.refusals == 0
    keep(lease, Answer(OWNER, 1, b"{}"))
    assert look(JOB) is None


def test_without_redis_nothing_is_kept(server, link):
    lease = look(JOB)
    server.kill()
    keep(lease, Answer(OWNER, 1, b"{}"))
    block([JOB])
    assert look(JOB) is None
    assert (link.state.losses, link.state.fallbacks["status"]) == (1, 3)
    server.start()

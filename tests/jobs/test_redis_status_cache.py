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
from jobs.status_cache import BLOCKED_MS, KEPT_MS, Answer, Lease, Look, block, keep, look
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
        #: What every reader is to see at least: the last write that was blocked, or what another was told.
        self.least = 1
        self.readers: list[Reader] = []
        self.writer: Writer | None = None

    @property
    def version(self) -> int:
        return len(self.commits)

    @rule()
    def look(self) -> None:
        found = look(JOB)
        if found.answer:
            self.told(found.answer.version)
        else:
            self.readers.append(Reader(found.lease))

    def told(self, version: int) -> None:
        assert version >= self.least, f"behind a write that was blocked, or was told: {version} < {self.least}"
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
            keep(reader.lease, data.draw(st.sampled_from([Answer(OWNER, reader.read, b"{}"), None])))
            self.least = max(self.least, reader.read)

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
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
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
    assert reader.lease
    reader.read = life.version
    life.begin_write(lost=False)
    life.commit()
    keep(reader.lease, Answer(OWNER, reader.read, b"{}"))
    if leased:
        life.look()
    else:
        with pytest.raises(AssertionError, match="behind a write"):
            life.look()


def test_what_is_kept_comes_back_until_it_is_blocked(link):
    lease = taken()
    assert look(JOB).lease == lease, "who comes before it is kept may keep it too"
    keep(lease, Answer(OWNER, 7, b'{"a":\n1}'))
    assert look(JOB) == Look(Answer(OWNER, 7, b'{"a":\n1}'), lease)
    assert 0 < link.client().pttl(key(link)) <= KEPT_MS
    block([JOB])
    assert look(JOB) == Look()
    keep(lease, Answer(OWNER, 7, b"{}"))
    assert look(JOB) == Look()


def taken() -> Lease:
    found = look(JOB)
    assert found.lease and not found.answer
    return found.lease


def test_the_newest_of_many_readers_is_kept(link):
    lease = taken()
    for version, body, newest in [
        (5, b"", 5), (5, b"five", 5), (5, b"", 5), (4, b"four", 5), (6, b"six", 6), (5, b"five", 6)
    ]:  # fmt: skip
        keep(lease, Answer(OWNER, version, body))
        found = look(JOB).answer
        assert found and found.version == newest
    assert found.body == b"six"
    keep(Lease(JOB, "0123456789abcdef"), Answer(OWNER, 9, b"nine"))
    assert look(JOB) == Look(found, lease), "another time's reader"
    keep(lease, None)
    assert look(JOB) == Look(), "what must not be kept is newer too"


def test_jobs_of_nobody_and_large_answers(link):
    lease = taken()
    keep(lease, Answer(None, 1, b"{}"))
    assert look(JOB).answer == Answer(None, 1, b"{}")
    keep(lease, Answer(None, 2, b"x" * (status_cache.LARGEST + 1)))
    assert look(JOB) == Look()


def test_many_are_blocked_at_once(link):
    ids = [UUID(int=n) for n in range(200)]
    leases = [look(job_id).lease for job_id in ids]
    block(ids)
    for lease in leases:
        assert lease
        keep(lease, Answer(OWNER, 1, b"{}"))
    assert {look(job_id) for job_id in ids} == {Look()}


def test_a_full_memory_still_lets_a_write_be_blocked(link):
    lease = taken()
    keep(lease, Answer(OWNER, 1, b"{}"))
    # Whatever it holds is more than that.
    link.client().config_set("maxmemory", 1)
    assert look(JOB).answer
    block([JOB])
    assert look(JOB) == Look()
    link.client().config_set("maxmemory", 0)
    assert link.state.up and link.state.refusals == 0
    keep(lease, Answer(OWNER, 1, b"{}"))
    assert look(JOB) == Look()


def test_without_redis_nothing_is_kept(server, link):
    lease = taken()
    server.kill()
    keep(lease, Answer(OWNER, 1, b"{}"))
    block([JOB])
    assert look(JOB) == Look()
    assert (link.state.losses, link.state.fallbacks["status"]) == (1, 3)
    server.start()

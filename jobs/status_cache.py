"""What `GET /jobs/{id}` answers, kept in Redis for less than a second; without Redis nothing is kept.

Two promises. An answer is never older than the database by more than KEPT_MS, because its time runs from before the
database was read. And an end is seen at once: whoever is going to write one blocks the job first, so that until long
after the commit everybody reads the database. Where a block gets lost, since Redis could not be reached or the
end was written in SQL, the first promise still holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from secrets import token_hex
from typing import Final
from uuid import UUID

from accounts.redis_link import RedisAway, redis_link

#: Less than the second that is promised, for what an answer takes on its way.
KEPT_MS: Final = 900
#: Longer than a commit takes, also behind a synchronous standby.
BLOCKED_MS: Final = 5_000
#: Larger answers are not what clients ask for again and again, and would fill Redis with results.
LARGEST: Final = 16_384

PURPOSE: Final = "status"

_LUA: Final = files("jobs") / "lua"
_LOOK: Final = (_LUA / "look_at_kept_answer.lua").read_text(encoding="utf-8")
_KEEP: Final = (_LUA / "keep_answer.lua").read_text(encoding="utf-8")
_BLOCK: Final = (_LUA / "block_answers.lua").read_text(encoding="utf-8")

# What is found under a key begins with one of these, or is a reader's token.
_ANSWER: Final = b"="
_BLOCKED: Final = b"!"


@dataclass(frozen=True, slots=True)
class Answer:
    """A job as it was told; `owner` is who may see it beside staff."""

    owner: UUID | None
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to keep what will be read of a job from now on."""

    job_id: UUID
    token: str


def look(job_id: UUID) -> Answer | Lease | None:
    """Find what is kept of a job, or get the right to keep it; None leaves the caller with the database alone."""
    link = redis_link()
    if link is None:
        return None
    lease = Lease(job_id, f"?{token_hex(8)}")
    try:
        found = link.run(PURPOSE, _LOOK, [f"{link.prefix}:job:{job_id}"], [lease.token, KEPT_MS])
    except RedisAway:
        return None
    if found is None:
        return lease
    return _read(found) if found.startswith(_ANSWER) else None


def keep(lease: Lease, answer: Answer) -> None:
    """Keep what was read since the lease was given, unless the job was written meanwhile."""
    link = redis_link()
    if link is None or len(answer.body) > LARGEST:
        return
    head = b"%s%s %d\n" % (_ANSWER, str(answer.owner or "").encode(), answer.version)
    try:
        link.run(PURPOSE, _KEEP, [f"{link.prefix}:job:{lease.job_id}"], [lease.token, head + answer.body])
    except RedisAway:
        return  # counted by the link; the next reader asks the database


def block(job_ids: Iterable[object]) -> None:
    """Have everybody read these jobs from the database for a while; call it before their write is committed."""
    link = redis_link()
    if link is None:
        return
    keys = [f"{link.prefix}:job:{job_id}" for job_id in job_ids]
    if not keys:
        return
    try:
        link.run(PURPOSE, _BLOCK, keys, [_BLOCKED, BLOCKED_MS])
    except RedisAway:
        return  # counted by the link; what is kept ends by itself


def _read(kept: bytes) -> Answer:
    head, _, body = kept.partition(b"\n")
    owner, _, version = head[1:].decode().partition(" ")
    return Answer(UUID(owner) if owner else None, int(version), body)

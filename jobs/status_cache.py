"""What `GET /jobs/{id}` answers, kept in Redis for less than a second; without Redis nothing is kept.

Two promises. An answer is never older than the database by more than KEPT_MS, because its time runs from before the
database was read. And an end is seen at once: whoever is going to write one blocks the job first, so that until long
after the commit everybody reads the database. Where a block gets lost, since Redis could not be reached or the
end was written in SQL, the first promise still holds. What was told once is not taken back by an earlier answer.
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
_ANY_VERSION: Final = 2**53

PURPOSE: Final = "status"

_LUA: Final = files("jobs") / "lua"
_LOOK: Final = (_LUA / "look_at_kept_answer.lua").read_text(encoding="utf-8")
_KEEP: Final = (_LUA / "keep_answer.lua").read_text(encoding="utf-8")
_BLOCK: Final = (_LUA / "block_answers.lua").read_text(encoding="utf-8")

# What is found under a key begins with one of these.
_ANSWER: Final = b"="
_TOKEN: Final = b"?"
_BLOCKED: Final = b"!"


@dataclass(frozen=True, slots=True)
class Answer:
    """A job as it was told; `owner` is who may see it beside staff. Without a body only its version is known."""

    owner: UUID | None
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to keep what will be read of a job from now on."""

    job_id: UUID
    token: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was found; without either, the database is to be read and nothing to be kept."""

    answer: Answer | None = None
    lease: Lease | None = None


def look(job_id: UUID) -> Look:
    """Find what is kept of a job, and the right to keep what is read instead."""
    link = redis_link()
    if link is None:
        return Look()
    try:
        found: bytes = link.run(PURPOSE, _LOOK, [f"{link.prefix}:job:{job_id}"], [token_hex(8), KEPT_MS])
    except RedisAway:
        return Look()
    if found.startswith(_TOKEN):
        return Look(lease=Lease(job_id, found[1:].decode()))
    return _read(job_id, found) if found.startswith(_ANSWER) else Look()


def keep(lease: Lease, answer: Answer | None) -> None:
    """Keep what was read under the lease, unless the job was blocked meanwhile; None leaves all to the database.

    Call it before the answer goes out, also with one that is not worth keeping: it takes the place of earlier ones.
    """
    link = redis_link()
    if link is None:
        return
    if answer is None or len(answer.body) > LARGEST:
        kept, above = _BLOCKED, _ANY_VERSION
    else:
        head = f"{lease.token} {answer.version} {answer.owner or ''}\n"
        kept = _ANSWER + head.encode() + answer.body
        # A version alone is not to take the place of the same with its body.
        above = answer.version + bool(answer.body)
    try:
        link.run(PURPOSE, _KEEP, [f"{link.prefix}:job:{lease.job_id}"], [lease.token, kept, above])
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


def _read(job_id: UUID, kept: bytes) -> Look:
    head, _, body = kept.partition(b"\n")
    token, version, owner = head[1:].decode().split(" ")
    return Look(Answer(UUID(owner) if owner else None, int(version), body), Lease(job_id, token))

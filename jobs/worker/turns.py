"""Whose turn it is: the lanes beside the open one in one queue and priority, as a worker remembers them.

Jobs of a concurrency key, and of each user of a fair queue, wait in lanes of their own. A claim takes from many of them
in one statement, each from behind its own cursor, and groups (a user with all keys, or the keys of everybody) share its
room. What limits have blocked is left alone until a job ends, or until the window of a rate has room.
"""

import json
import time
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.db import connection

from jobs import tracing
from jobs.announce import Freed, Lane
from jobs.crash_points import commit_points
from jobs.worker.options import WorkerOptions

_LIST: Final = "SELECT name, lane_key, scheduled_at, due_in FROM keyed_lanes(%s, %s, %s, %s::jsonb, %s)"
_CLAIM: Final = """
SELECT lane_key, word, retry_in, last_at, last_id, job_id::text, lock_token, job_type, queue, priority, payload::text,
       attempt, retry_count, max_retries, timeout, %s::float8, user_id::text, request_id, waited, concurrency_key,
       has_followers, limited, {traceparent}
FROM claim_lanes(%s, make_interval(secs => %s), %s, %s, %s::text[], %s, %s, %s::text[], %s::text[],
                 %s::timestamptz[], %s::uuid[])
"""

#: Of a started job; read only where traces are made, by its primary key. It never changes, so the row as it was before
#: the start says it too.
TRACEPARENT: Final = "(SELECT j.traceparent FROM job_queue j WHERE j.id = job_id)"

#: As keyed_lanes in SQL has them: in one list, of one group, and of one that is a user.
MOST_LISTED: Final = 500
MOST_OF_KEYS: Final = MOST_LISTED // 2
MOST_OF_A_USER: Final = MOST_LISTED // 50

#: Lists take at most such a share of the time, unless they are cheap and a job was announced.
LIST_SHARE: Final = 10
CHEAP_SECONDS: Final = 0.005
#: Pages of lanes that are all blocked are turned for so long; then claims of others have their turn.
BROWSE_SECONDS: Final = 0.05
#: When somebody else is claiming there just now.
BUSY_SECONDS: Final = 0.02

LOWEST: Final = UUID(int=0)
#: The open lane, among the others.
OPEN: Final = ""
#: The group of all lanes that belong to keys alone.
KEYS: Final = "k:"
Cursor = tuple[datetime, UUID]
#: A started job: what makes its Attempt. Without a lock token it has expired.
Row = tuple[Any, ...]

#: What keyed_lanes gives: group, lane, its earliest time, and in how many seconds that is.
Listed = tuple[str, str, datetime, float]
#: What claim_lanes says of a lane, or without one of the queue: lane, word, retry_in, last_at, last_id.
Word = tuple[str | None, str, float | None, datetime | None, UUID | None]


@dataclass(slots=True)
class KeyedLane:
    """One lane. Times are monotonic seconds."""

    group: str
    after: Cursor
    live: bool = True
    #: As many jobs run as its limit allows.
    full: bool = False
    #: Nothing can start before; 0 is at once.
    due: float = 0.0


@dataclass(slots=True)
class Turns:
    """The lanes of one queue and priority; used by the claimer's thread alone."""

    lane: Lane
    #: The queue has limits: its open lane is claimed here too.
    ruled: bool = False
    lanes: dict[str, KeyedLane] = field(default_factory=dict)
    #: Jobs may have come into lanes that are not listed.
    told: bool = True
    full: bool = False
    due: float = 0.0
    _last: dict[str, str] = field(default_factory=dict)
    _last_group: str | None = None
    _begin: str = ""
    _froms: dict[str, str] = field(default_factory=dict)
    _listed_at: float = 0.0
    _list_seconds: float = 0.0
    _more_pages: bool = False
    #: Since when pages have been turned and nothing has started.
    _turned_at: float = 0.0

    def looked(self, ruled: bool) -> None:
        """Try everything again: what a limit blocks may have been freed without a word."""
        self.ruled, self.told, self.full, self.due = ruled, True, False, 0.0
        for lane in self.lanes.values():
            lane.full = False

    def room_made(self, freed: Collection[Freed] | None) -> None:
        """Take note that jobs have ended which counted against the limit of their queue or key; None is of any."""
        if freed is None or any(queue == self.lane[0] for queue, _ in freed):
            self.full = False
        keys = None if freed is None else {key for _, key in freed}
        for name, lane in self.lanes.items():
            if lane.full and (keys is None or name.partition("k:")[2] in keys):
                lane.full = False

    def next_due(self) -> float:
        """When to claim here again if nobody says a word before."""
        if self.full:
            return float("inf")
        if self.due:
            return self.due
        later = [lane.due for lane in self.lanes.values() if lane.live and not lane.full and lane.due]
        if self.told:
            later.append(self._listed_at + self._list_seconds * LIST_SHARE)
        return min(later, default=float("inf"))

    def claim(self, room: int, options: WorkerOptions, open_lane: KeyedLane | None) -> list[Row] | None:
        """Claim up to so many jobs in one round; gives None when there is no lane to try, and then all have been."""
        now = time.monotonic()
        if self.blocked(now):
            return None
        if self._list_due(now):
            self._turned_at = now
            self._list()
        while not (chosen := self._chosen(now, open_lane)).keys() - {OPEN}:
            if not self._more_pages or now - self._turned_at > BROWSE_SECONDS:
                break
            self._list()
            now = time.monotonic()
        if not chosen or (not self.ruled and chosen.keys() == {OPEN}):
            # An open lane without limits has a faster way of its own.
            self._rest(now)
            return None
        groups = len({lane.group for lane in chosen.values()})
        words, rows = take(self.lane, room, -(-room // groups), chosen, options)
        self._heed(words, chosen)
        if rows:
            self._turned_at = time.monotonic()
        return rows if words else None

    def _rest(self, now: float) -> None:
        if self._more_pages:
            # All that was turned is blocked; what comes behind is looked at in a while.
            self.told, self._listed_at, self._list_seconds = True, now, BROWSE_SECONDS

    def blocked(self, now: float) -> bool:
        return self.full or self.due > now

    def _list_due(self, now: float) -> bool:
        if self.told and self._list_seconds < CHEAP_SECONDS:
            return True
        busy = self.told or any(lane.live for lane in self.lanes.values())
        return busy and now >= self._listed_at + self._list_seconds * LIST_SHARE

    def _list(self) -> None:
        """Read which lanes there are: all of them, or where there are too many the next ones."""
        began = time.monotonic()
        listed = list_lanes(self.lane, self._begin, self._froms)
        self.told, self._listed_at = False, time.monotonic()
        self._list_seconds = self._listed_at - began
        before, self.lanes = self.lanes, {}
        for group, name, since, due_in in listed:
            due = began + due_in if due_in > 0 else 0.0
            lane = self.lanes[name] = KeyedLane(group, (since, LOWEST), due=due)
            if known := before.get(name):
                lane.full, lane.due = known.full, max(due, known.due)
        self._turn_page(listed)
        self._last = {group: name for group, name in self._last.items() if group in {lane[0] for lane in listed}}

    def _turn_page(self, listed: list[Listed]) -> None:
        self._froms = {}
        for group, members in groupby(listed, lambda lane: lane[0]):
            names = [name for _, name, *_ in members]
            if len(names) >= (MOST_OF_KEYS if group == KEYS else MOST_OF_A_USER):
                self._froms[group] = names[-1]
        self._begin = _behind(listed[-1][0]) if len(listed) >= MOST_LISTED else ""
        self._more_pages = bool(self._begin or self._froms)

    def _chosen(self, now: float, open_lane: KeyedLane | None) -> dict[str, KeyedLane]:
        """Give the lanes to try, those first whose turn it is: groups after the last, and in each its lanes."""
        live = {name: lane for name, lane in self.lanes.items() if lane.live and not lane.full and lane.due <= now}
        if open_lane is not None and open_lane.live:
            live[OPEN] = open_lane
        groups = sorted({lane.group for lane in live.values()})
        return {
            name: live[name]
            for group in _after(groups, self._last_group)
            for name in _after(sorted(n for n, lane in live.items() if lane.group == group), self._last.get(group))
        }

    def _heed(self, words: Iterable[Word], chosen: Mapping[str, KeyedLane]) -> None:
        now, self.due = time.monotonic(), 0.0
        for name, word, retry_in, last_at, last_id in words:
            place: Turns | KeyedLane = self if name is None else chosen[name]
            if isinstance(place, KeyedLane) and name is not None:
                place.live, place.due = word != "empty", 0.0
                if last_at is not None and last_id is not None:
                    place.after = (last_at, last_id)
                    self._last[place.group], self._last_group = name, place.group
                elif word == "more":
                    word = "busy"
            if word in {"full", "paused"}:
                place.full = True
            elif word in {"busy", "rate"}:
                place.due = now + (BUSY_SECONDS if retry_in is None else retry_in)


def list_lanes(lane: Lane, begin: str, froms: Mapping[str, str]) -> list[Listed]:
    """Read lanes from a group on, and in each group behind a lane; goes round."""
    with connection.cursor() as cursor:
        cursor.execute(_LIST, [*lane, begin, json.dumps(froms), MOST_LISTED])
        return list(cursor.fetchall())


def take(
    lane: Lane, room: int, share: int, chosen: Mapping[str, KeyedLane], options: WorkerOptions
) -> tuple[list[Word], list[Row]]:
    """Claim from the chosen lanes in one statement; commits, and gives what became of lanes and the jobs' rows."""
    types = None if options.job_types is None else list(options.job_types)
    lanes = list(chosen.values())
    times, ids = [each.after[0] for each in lanes], [each.after[1] for each in lanes]
    values = [time.monotonic(), options.worker_id, options.lock_duration, *lane, types, room, share]
    with commit_points("claim"), connection.cursor() as cursor:
        claim = _CLAIM.format(traceparent=TRACEPARENT if tracing.tracer else "NULL")
        cursor.execute(claim, [*values, list(chosen), [each.group for each in lanes], times, ids])
        rows = cursor.fetchall()
    words = [row[:5] for row in rows if row[1] is not None]
    return words, [row[5:] for row in rows if row[1] is None]


def _after(names: list[str], last: str | None) -> Iterator[str]:
    place = 0 if last is None else bisect_right(names, last)
    yield from names[place:]
    yield from names[:place]


def _behind(group: str) -> str:
    """Name what comes behind every lane of a group, as lane_group in SQL does."""
    if group == KEYS:
        return "k;"
    return group + ("0" if group.startswith("u:") else "\x01")

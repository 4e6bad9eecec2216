"""How many worker processes there are to be: a pure function of what is read, what was before, and the time.

Processes are added when jobs wait although every slot is taken, and drained one at a time when they have been idle for
long. CPU, memory and connections are limits to both: none is added beyond them, and above them one is drained.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

#: Of the slots in use: from this share on they count as all taken; after a drain no more than that may be.
FULL: Final = 0.8
SLACK: Final = 0.6
#: Of the processes: more of them starting are waited for. Where `--max-jobs` replaces them often, some always are.
STARTING: Final = 0.25
#: Over how many seconds the use of the CPU is smoothed.
CPU_SECONDS: Final = 15.0
#: A backlog so many times older than what counts as one doubles the processes; a younger one adds one.
OLD: Final = 2.0

#: What a decision is for. `capped` are limits that keep from adding; `memory`, `connections`, `cpu` drain one.
Why = Literal["start", "backlog", "idle", "memory", "connections", "cpu", "capped", "wait", "database", "enough"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator chose; times are seconds, limits shares of 1, and a limit of 1 is none."""

    least: int
    most: int
    #: Slots of one process.
    slots: int
    backlog_age: float = 5.0
    up_pause: float = 10.0
    down_pause: float = 60.0
    cpu_limit: float = 0.7
    memory_limit: float = 0.8


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is at one moment."""

    #: Processes that work or are about to, those on their way out, and how many of the first do not work yet.
    seats: int
    draining: int
    starting: int
    #: How long the job has been due that could start now and is due longest; 0 without one.
    age: float
    #: Jobs that could start now.
    due: int
    #: Slots of our processes that are taken.
    busy: int
    #: Of what we may use: the share in use since the last reading, and our processes' part of it.
    cpu: float
    own_cpu: float
    #: Share of the memory in use, and how many processes more would fit below the limit.
    memory: float
    memory_room: int
    #: How many processes fit in all, by the connections that PostgreSQL has left.
    connection_room: int
    #: Whether the database answered; else age, due, busy and connection_room mean nothing.
    answered: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered from one decision to the next; times are those of the caller's clock."""

    read_at: float | None = None
    cpu: float = 0.0
    own_cpu: float = 0.0
    #: When a process was added or drained for the last time.
    changed_at: float = -math.inf
    #: Since when these have held without a break; None while they do not.
    idle_since: float | None = None
    hot_since: float | None = None
    tight_since: float | None = None
    short_since: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """How many seats to have, and why. A patient drain lets running jobs take the time they need."""

    target: int
    why: Why
    reason: str

    @property
    def patient(self) -> bool:
        return self.why == "idle"


def decide(rules: Rules, reading: Reading, state: State, now: float) -> tuple[Decision, State]:
    """Give the number of seats to have now, and the state for the next decision."""
    state = _observe(rules, reading, state, now)
    decision = _decide(rules, reading, state, now)
    if decision.target != reading.seats:
        # What held before the change is no ground for the next one.
        state = replace(state, changed_at=now, idle_since=None, hot_since=None, tight_since=None, short_since=None)
    return decision, state


def _observe(rules: Rules, reading: Reading, state: State, now: float) -> State:
    kept = 0.0 if state.read_at is None else math.exp(-(now - state.read_at) / CPU_SECONDS)
    cpu = kept * state.cpu + (1 - kept) * reading.cpu
    own_cpu = kept * state.own_cpu + (1 - kept) * reading.own_cpu

    def since(before: float | None, holds: bool) -> float | None:
        return None if not holds else now if before is None else before

    return replace(
        state,
        read_at=now,
        cpu=cpu,
        own_cpu=own_cpu,
        idle_since=since(state.idle_since, reading.answered and _is_idle(rules, reading)),
        # Less of us helps only against what we use ourselves.
        hot_since=since(state.hot_since, _limited(rules.cpu_limit) and cpu > rules.cpu_limit and own_cpu >= cpu / 2),
        tight_since=since(state.tight_since, _limited(rules.memory_limit) and reading.memory > rules.memory_limit),
        short_since=since(state.short_since, reading.answered and reading.connection_room < reading.seats),
    )


def _limited(limit: float) -> bool:
    return limit < 1


def _is_idle(rules: Rules, reading: Reading) -> bool:
    return reading.age < rules.backlog_age and reading.busy <= SLACK * rules.slots * (reading.seats - 1)


def _decide(rules: Rules, reading: Reading, state: State, now: float) -> Decision:
    if reading.seats < rules.least:
        return Decision(rules.least, "start", f"at least {rules.least}")
    if not reading.answered:
        return Decision(reading.seats, "database", "the database does not answer")
    return _shed(rules, reading, state, now) or _grow(rules, reading, state, now) or _drain(rules, reading, state, now)


def _shed(rules: Rules, reading: Reading, state: State, now: float) -> Decision | None:
    """Drain one process where a limit is broken and stays so."""
    if reading.seats <= rules.least or reading.draining:
        return None

    def lasts(since: float | None, seconds: float) -> bool:
        return since is not None and now - since >= seconds and now - state.changed_at >= seconds

    fewer = reading.seats - 1
    if lasts(state.tight_since, rules.up_pause):
        return Decision(fewer, "memory", f"memory is at {reading.memory:.0%} (limit {rules.memory_limit:.0%})")
    if lasts(state.short_since, rules.down_pause):
        return Decision(fewer, "connections", f"PostgreSQL has connections for {max(0, reading.connection_room)}")
    if lasts(state.hot_since, rules.down_pause):
        return Decision(fewer, "cpu", f"CPU is at {state.cpu:.0%} (limit {rules.cpu_limit:.0%})")
    return None


def _grow(rules: Rules, reading: Reading, state: State, now: float) -> Decision | None:
    """Add processes to a backlog that those there are cannot work off; None where there is no such thing."""
    slots = rules.slots * reading.seats
    if reading.age < rules.backlog_age or reading.busy < FULL * rules.slots * (reading.seats - reading.starting):
        return None
    backlog = f"the oldest of {reading.due} due jobs waits for {reading.age:.0f} s"
    stay = reading.seats
    if reading.seats + reading.draining >= rules.most:
        return Decision(stay, "capped", f"{backlog}, but {_at_most(rules, reading)}")
    if reading.starting > STARTING * reading.seats:
        return Decision(stay, "wait", f"{backlog}, but {reading.starting} of {reading.seats} are starting")
    if now - state.changed_at < rules.up_pause:
        return Decision(stay, "wait", f"{backlog}, but the last change was {now - state.changed_at:.0f} s ago")
    room = _room(rules, reading, state)
    fits = min(number for number, _ in room)
    if fits < 1:
        limits = " and ".join(say() for number, say in room if number < 1)
        return Decision(stay, "capped", f"{backlog}, but {limits}")
    wanted = min(math.ceil(reading.due / rules.slots), stay) if reading.age >= OLD * rules.backlog_age else 1
    added = max(1, min(wanted, fits))
    return Decision(stay + added, "backlog", f"{backlog}, {reading.busy} of {slots} slots are taken")


def _at_most(rules: Rules, reading: Reading) -> str:
    return f"there are {reading.seats} of at most {rules.most}" + (
        f" and {reading.draining} that end" if reading.draining else ""
    )


def _room(rules: Rules, reading: Reading, state: State) -> list[tuple[int, Callable[[], str]]]:
    """Say how many processes each limit leaves room for, and how to put it."""
    total = reading.seats + reading.draining
    return [
        (rules.most - total, lambda: _at_most(rules, reading)),
        (_cpu_room(rules, reading, state), lambda: _cpu_words(rules, reading, state)),
        (
            reading.memory_room if _limited(rules.memory_limit) else rules.most,
            lambda: f"memory is at {reading.memory:.0%} and one more would not fit (limit {rules.memory_limit:.0%})",
        ),
        (
            reading.connection_room - total,
            lambda: f"PostgreSQL has connections for {max(0, reading.connection_room)}",
        ),
    ]


def _cpu_words(rules: Rules, reading: Reading, state: State) -> str:
    words = f"CPU is at {state.cpu:.0%}"
    if state.cpu < rules.cpu_limit:
        words += f" and one more would add {_cpu_each(reading, state):.0%}"
    return f"{words} (limit {rules.cpu_limit:.0%})"


def _cpu_each(reading: Reading, state: State) -> float:
    return state.own_cpu / max(1, reading.seats + reading.draining)


def _cpu_room(rules: Rules, reading: Reading, state: State) -> int:
    """Count processes that fit below the limit if each needs as much as those that there are."""
    if not _limited(rules.cpu_limit):
        return rules.most
    left = rules.cpu_limit - state.cpu
    if left <= 0:
        return 0
    each = _cpu_each(reading, state)
    return rules.most if each * rules.most <= left else math.floor(left / each)


def _drain(rules: Rules, reading: Reading, state: State, now: float) -> Decision:
    """Drain one process when fewer would do and have done for long."""
    taken = f"{reading.busy} of {rules.slots * reading.seats} slots are taken"
    enough = Decision(reading.seats, "enough", taken)
    if reading.seats <= rules.least or state.idle_since is None:
        return enough
    quiet = now - max(state.idle_since, state.changed_at)
    if quiet < rules.down_pause:
        return enough
    return Decision(reading.seats - 1, "idle", f"{taken}, fewer would have done for {now - state.idle_since:.0f} s")

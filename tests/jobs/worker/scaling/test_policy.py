"""What the policy says to single readings, and to years of them."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.worker.scaling.policy import Decision, Reading, Rules, State, decide

RULES = Rules(least=1, most=10, slots=5)
#: Two processes with nothing to do, and room for everything.
QUIET = Reading(
    seats=2, draining=0, starting=0, age=0, due=0, busy=0, cpu=0.1, own_cpu=0.05, memory=0.2, memory_room=50,
    connection_room=50,
)  # fmt: skip
#: All slots are taken, and jobs wait.
BURST = replace(QUIET, age=6, due=40, busy=10)


def after(*readings: Reading, rules: Rules = RULES, every: float = 5.0, state: State = State()) -> Decision:  # noqa: B008
    """Give what is decided on the last of these readings, each some seconds after the one before."""
    for number, reading in enumerate(readings):
        decision, state = decide(rules, reading, state, number * every)
    return decision


def lasting(reading: Reading, seconds: float, rules: Rules = RULES) -> Decision:
    return after(*[reading] * (1 + math.ceil(seconds)), rules=rules, every=1.0)


@pytest.mark.parametrize(
    ("reading", "target", "why"),
    [
        (replace(QUIET, seats=0), 1, "start"),
        (QUIET, 2, "enough"),
        (BURST, 3, "backlog"),
        # Twice as old as what is a backlog: twice as many, but not more than there are jobs for.
        (replace(BURST, age=12), 4, "backlog"),
        (replace(BURST, age=12, seats=4, busy=20), 8, "backlog"),
        (replace(BURST, age=12, seats=4, busy=20, due=7), 6, "backlog"),
        (replace(BURST, age=12, seats=8, busy=40), 10, "backlog"),
        (replace(BURST, age=12, seats=4, busy=20, draining=4), 6, "backlog"),
        # Young, or not for want of slots.
        (replace(BURST, age=4), 2, "enough"),
        (replace(BURST, busy=7), 2, "enough"),
        (replace(BURST, busy=8), 3, "backlog"),
        # The bound, which those that end count against too.
        (replace(BURST, seats=10, busy=50), 10, "capped"),
        (replace(BURST, draining=8), 2, "capped"),
        (replace(BURST, seats=2, starting=1, busy=5), 2, "wait"),
        (replace(BURST, seats=4, starting=1, busy=15), 5, "backlog"),
        (replace(BURST, seats=1, starting=1, busy=0), 1, "wait"),
        # The limits.
        (replace(BURST, cpu=0.7), 2, "capped"),
        (replace(BURST, cpu=0.6, own_cpu=0.4), 2, "capped"),
        (replace(BURST, cpu=0.6, own_cpu=0.1), 3, "backlog"),
        (replace(BURST, memory_room=0, memory=0.75), 2, "capped"),
        (replace(BURST, memory_room=1, age=12), 3, "backlog"),
        (replace(BURST, connection_room=2), 2, "capped"),
        (replace(BURST, connection_room=3, draining=1), 2, "capped"),
        (replace(BURST, connection_room=3, age=12), 3, "backlog"),
        (replace(BURST, answered=False), 2, "database"),
        (replace(QUIET, answered=False, memory=0.99), 2, "database"),
    ],
)
def test_one_reading(reading: Reading, target: int, why: str) -> None:
    decision = after(reading)
    assert (decision.target, decision.why) == (target, why)


def test_what_keeps_from_adding_is_said_with_its_figures() -> None:
    limits = replace(BURST, cpu=0.81, memory=0.79, memory_room=0, connection_room=2)
    assert after(limits).reason == (
        "the oldest of 40 due jobs waits for 6 s, but CPU is at 81% (limit 70%)"
        " and memory is at 79% and one more would not fit (limit 80%) and PostgreSQL has connections for 2"
    )


def test_the_cpu_that_one_more_would_use_is_said_too() -> None:
    reason = after(replace(BURST, cpu=0.6, own_cpu=0.4)).reason
    assert reason.endswith("but CPU is at 60% and one more would add 20% (limit 70%)")


def test_a_limit_of_all_is_none() -> None:
    rules = replace(RULES, cpu_limit=1.0, memory_limit=1.0)
    assert after(replace(BURST, cpu=1.0, own_cpu=1.0, memory=0.99, memory_room=0), rules=rules).target == 3


def test_after_a_change_the_next_one_waits() -> None:
    state = State()
    decision, state = decide(RULES, BURST, state, 0.0)
    more = replace(BURST, seats=decision.target, busy=15)
    assert decide(RULES, more, state, 9.0)[0].why == "wait"
    assert decide(RULES, more, state, 10.0)[0].target == 4


def test_idle_processes_go_one_at_a_time_and_may_take_their_time() -> None:
    five = replace(QUIET, seats=5)
    assert lasting(five, 59).why == "enough"
    decision = lasting(five, 60)
    assert (decision.target, decision.why, decision.patient) == (4, "idle", True)
    state = State()
    targets = []
    for second in range(400):
        decision, state = decide(RULES, replace(QUIET, seats=targets[-1] if targets else 5), state, float(second))
        targets.append(decision.target)
    assert [targets.index(count) for count in (4, 3, 2, 1)] == [60, 121, 182, 243]
    assert targets[-1] == 1


def test_one_busy_moment_begins_the_idle_time_anew() -> None:
    busy = replace(QUIET, busy=7)
    assert after(*[QUIET] * 50, busy, *[QUIET] * 59, every=1.0).why == "enough"
    assert after(*[QUIET] * 50, busy, *[QUIET] * 61, every=1.0).why == "idle"


def test_as_much_as_fewer_could_do_well_is_too_little() -> None:
    assert lasting(replace(QUIET, seats=3, busy=6), 60).why == "idle"
    assert lasting(replace(QUIET, seats=3, busy=7), 60).why == "enough"


@pytest.mark.parametrize(
    ("reading", "seconds", "why"),
    [
        (replace(BURST, memory=0.81, memory_room=0), 10, "memory"),
        (replace(BURST, connection_room=1), 60, "connections"),
        (replace(BURST, cpu=0.9, own_cpu=0.6), 60, "cpu"),
    ],
)
def test_above_a_limit_one_is_drained_however_long_the_queue(reading: Reading, seconds: int, why: str) -> None:
    assert lasting(reading, seconds - 1).target == 2
    decision = lasting(reading, seconds)
    assert (decision.target, decision.why, decision.patient) == (1, why, False)
    # No further one while that one ends, and none below the least.
    assert lasting(replace(reading, draining=1), seconds).target == 2
    assert lasting(replace(reading, seats=1), seconds).target == 1


def test_the_cpu_that_others_use_drains_nobody() -> None:
    assert lasting(replace(BURST, cpu=0.9, own_cpu=0.2), 300).target == 2


def test_a_probe_that_flaps_changes_nothing() -> None:
    """0 and 100 % by turns are 50 %: nothing is drained, and what is added is added as if it were steady."""
    flapping = [replace(BURST, cpu=float(second % 2), own_cpu=0.02) for second in range(600)]
    state, seats, changes = State(), 2, []
    for second, reading in enumerate(flapping):
        decision, state = decide(RULES, replace(reading, seats=seats, busy=5 * seats), state, float(second))
        if decision.target != seats:
            changes.append((second, decision.target - seats))
            seats = decision.target
        # Smoothed from the first few on.
        assert second < 60 or 0.4 < state.cpu < 0.6
    assert seats == 10
    assert all(step == 1 for _, step in changes)
    assert all(later - before >= 10 for (before, _), (later, _) in pairwise(changes))


shares = st.floats(0, 1) | st.sampled_from([0.0, 1.0])
readings = st.builds(
    Reading,
    seats=st.just(0), draining=st.just(0), starting=st.integers(0, 3),
    age=st.floats(0, 1e6), due=st.integers(0, 10_000), busy=st.integers(0, 500),
    cpu=shares, own_cpu=shares, memory=shares, memory_room=st.integers(0, 40), connection_room=st.integers(0, 60),
    answered=st.sampled_from([True, True, True, False]),
)  # fmt: skip
rules = st.builds(
    lambda least, more, **chosen: Rules(least, least + more, **chosen),
    least=st.integers(1, 5), more=st.integers(1, 20), slots=st.integers(1, 50),
    backlog_age=st.floats(0.1, 60), up_pause=st.floats(0.1, 30), down_pause=st.floats(0.1, 120),
    cpu_limit=st.floats(0.01, 1), memory_limit=st.floats(0.01, 1),
)  # fmt: skip
#: A reading, how long after the one before, and how many of those that end have ended by then.
histories = st.lists(st.tuples(readings, st.floats(0, 60), st.integers(0, 3)), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(rules, histories)
def test_whatever_is_read_bounds_and_pauses_hold(rules: Rules, history: list[tuple[Reading, float, int]]) -> None:
    state, now, seats, draining = State(), 0.0, 0, 0
    changed_at = -math.inf
    for reading, passed, ended in history:
        now += passed
        draining = max(0, draining - ended)
        reading = replace(reading, seats=seats, draining=draining, starting=min(reading.starting, seats))
        decision, state = decide(rules, reading, state, now)

        assert math.isfinite(state.cpu) and 0 <= state.cpu <= 1
        assert decision.reason
        added = decision.target - seats
        if seats == 0:
            assert decision.target == rules.least
        elif added > 0:
            assert decision.why == "backlog" and reading.answered
            assert rules.least <= decision.target and decision.target + draining <= rules.most
            assert now - changed_at >= rules.up_pause
            assert reading.age >= rules.backlog_age and added <= seats
            assert decision.target + draining <= reading.connection_room
            assert rules.memory_limit == 1 or added <= reading.memory_room
            assert rules.cpu_limit == 1 or state.cpu < rules.cpu_limit
        elif added < 0:
            assert added == -1 and decision.target >= rules.least and reading.answered
            pause = rules.up_pause if decision.why == "memory" else rules.down_pause
            assert now - changed_at >= pause
            assert decision.patient == (decision.why == "idle")
            draining += 1
        if added:
            changed_at = now
        seats = decision.target

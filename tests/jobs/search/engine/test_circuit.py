import threading
from collections.abc import Callable

import pytest

from jobs.search.engine import circuit as circuits
from jobs.search.engine.circuit import FAILURES, Circuit, CircuitOpen
from jobs.search.engine.failures import EngineAway, EngineError, Nonsense, NotFound, Refused, TooLarge

AWAY = EngineAway(0, "connection", "it is not reached")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(now=clock, jitter=lambda: 1.0)


def raising(error: BaseException) -> Callable[[], str]:
    def call() -> str:
        raise error

    return call


def fails(circuit: Circuit, times: int = 1, error: EngineError = AWAY) -> None:
    for _ in range(times):
        with pytest.raises(type(error)):
            circuit.run(raising(error))


def answers(circuit: Circuit) -> None:
    assert circuit.run(lambda: "answer") == "answer"


def is_spared(circuit: Circuit) -> bool:
    try:
        circuit.run(lambda: "answer")
    except CircuitOpen:
        return True
    return False


@pytest.mark.parametrize("error", [AWAY, EngineAway(429, "busy"), EngineAway(503, "red"), Nonsense(200, "no_json")])
def test_five_failures_in_a_row_open_it(circuit: Circuit, error: EngineError) -> None:
    fails(circuit, FAILURES - 1, error)
    assert circuit.figures().state == "closed"
    fails(circuit, 1, error)
    assert circuit.figures().state == "open"
    assert is_spared(circuit)


def test_an_answer_in_between_starts_the_count_anew(circuit: Circuit) -> None:
    for _ in range(5):
        fails(circuit, FAILURES - 1)
        answers(circuit)
    assert circuit.figures().state == "closed"


def test_failures_that_lie_far_apart_do_not_open_it(circuit: Circuit, clock: Clock) -> None:
    for _ in range(20):
        fails(circuit)
        clock.now += circuits.WITHIN / (FAILURES - 1)
    assert circuit.figures().state == "closed"


@pytest.mark.parametrize("error", [NotFound(404, "no_index"), Refused(400, "bad"), TooLarge(413, "large")])
def test_what_the_engine_refuses_does_not_count_against_it(circuit: Circuit, error: EngineError) -> None:
    fails(circuit, FAILURES - 1)
    fails(circuit, 20, error)
    assert circuit.figures().state == "closed"
    fails(circuit, FAILURES - 1)
    assert circuit.figures().state == "closed"


def test_slow_answers_count_and_are_given_all_the_same(circuit: Circuit, clock: Clock) -> None:
    def dawdle() -> str:
        clock.now += circuits.SLOW + 0.01
        return "late"

    assert [circuit.run(dawdle) for _ in range(FAILURES)] == ["late"] * FAILURES
    assert circuit.figures().state == "open"
    figures = circuit.figures()
    assert (figures.opened, figures.failures, figures.slow, figures.spared) == (1, 0, FAILURES, 0)


def test_after_its_time_one_call_tries_and_its_answer_closes_it(circuit: Circuit, clock: Clock) -> None:
    fails(circuit, FAILURES)
    clock.now += circuits.OPEN_FOR - 0.1
    assert is_spared(circuit)
    clock.now += 0.2
    seen = []

    def probe() -> str:
        # While it is under way nobody else goes.
        seen.extend([circuit.figures().state, is_spared(circuit), is_spared(circuit)])
        return "there again"

    assert circuit.run(probe) == "there again"
    assert seen == ["half_open", True, True]
    assert circuit.figures().state == "closed"
    assert circuit.figures().spared == 3


def test_each_try_that_fails_doubles_the_wait_up_to_a_minute(circuit: Circuit, clock: Clock) -> None:
    fails(circuit, FAILURES)
    waits = []
    for _ in range(6):
        with pytest.raises(CircuitOpen) as raised:
            circuit.run(lambda: "answer")
        assert raised.value.retry_after is not None
        waits.append(raised.value.retry_after)
        clock.now += raised.value.retry_after
        fails(circuit)
    assert waits == pytest.approx([5, 10, 20, 40, 60, 60])
    clock.now += 60
    answers(circuit)
    fails(circuit, FAILURES)
    with pytest.raises(CircuitOpen) as raised:
        circuit.run(lambda: "answer")
    assert raised.value.retry_after == pytest.approx(5)


def test_a_slow_try_leaves_it_open(circuit: Circuit, clock: Clock) -> None:
    fails(circuit, FAILURES)
    clock.now += circuits.OPEN_FOR

    def dawdle() -> str:
        clock.now += circuits.SLOW + 0.01
        return "late"

    assert circuit.run(dawdle) == "late"
    assert circuit.figures().state == "open"


def test_who_asks_to_be_left_alone_for_longer_is(circuit: Circuit, clock: Clock) -> None:
    fails(circuit, FAILURES, EngineAway(429, "busy", retry_after=30))
    clock.now += 29
    assert is_spared(circuit)
    clock.now += 2
    assert not is_spared(circuit)


def test_waits_are_spread(clock: Clock) -> None:
    waits = set()
    for _ in range(20):
        circuit = Circuit(now=clock)
        fails(circuit, FAILURES)
        with pytest.raises(CircuitOpen) as raised:
            circuit.run(lambda: "answer")
        waits.add(raised.value.retry_after)
    assert len(waits) > 10


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("ours")])
def test_a_try_that_came_to_nothing_on_our_side_leaves_room_for_another(
    circuit: Circuit, clock: Clock, error: BaseException
) -> None:
    fails(circuit, FAILURES)
    clock.now += circuits.OPEN_FOR
    with pytest.raises(type(error)):
        circuit.run(raising(error))
    assert circuit.figures().state == "open"
    answers(circuit)
    assert circuit.figures().state == "closed"


def test_what_began_before_it_opened_says_nothing_about_now(circuit: Circuit, clock: Clock) -> None:
    def old() -> str:
        fails(circuit, FAILURES)
        return "an old answer"

    assert circuit.run(old) == "an old answer"
    assert circuit.figures().state == "open"
    clock.now += circuits.OPEN_FOR
    answers(circuit)

    def older() -> str:
        fails(circuit, FAILURES)
        clock.now += circuits.OPEN_FOR
        answers(circuit)
        raise AWAY

    with pytest.raises(EngineAway):
        circuit.run(older)
    fails(circuit, FAILURES - 1)
    assert circuit.figures().state == "closed"


def test_of_many_threads_exactly_one_tries() -> None:
    clock = Clock()
    circuit = Circuit(now=clock, jitter=lambda: 1.0)
    fails(circuit, FAILURES)
    clock.now += circuits.OPEN_FOR
    start, go_on = threading.Barrier(16), threading.Event()
    tried, spared = [], []

    def ask() -> None:
        start.wait(30)
        try:
            circuit.run(lambda: tried.append(go_on.wait(30)))
        except CircuitOpen:
            spared.append(True)
            if len(spared) == 15:
                go_on.set()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (tried, len(spared)) == ([True], 15)
    assert circuit.figures().state == "closed"

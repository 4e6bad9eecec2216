import threading

from jobs.outcomes import Attempt
from jobs.worker.counting import Counts
from jobs.worker.hand import Hand
from jobs.worker.recorder import Recorder
from jobs.worker.threads import ThreadSlots

ROUNDS = 300


def submit(slots, first, count):
    attempts = [Attempt(str(n), n, "meet", "default", 5, "{}", 1, 0, 3, None, 0.0) for n in range(first, first + count)]
    slots.hand.take(attempts)
    slots.submit(attempts)


def test_jobs_that_come_together_run_together(register):
    """However few threads there are yet: one that has just taken a job is not free for the next."""
    alone, together = threading.Barrier(2, timeout=10), threading.Barrier(3, timeout=10)

    def meet(ctx):
        (together if int(ctx.idempotency_key) % 3 else alone).wait()

    register("meet", meet)
    for n in range(ROUNDS):
        hand = Hand()
        slots = ThreadSlots(4, hand, Recorder(hand, Counts(), lambda delay: None))
        submit(slots, 3 * n, 1)
        alone.wait()
        submit(slots, 3 * n + 1, 2)
        together.wait()
        slots.stop()

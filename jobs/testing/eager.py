"""Jobs that run where they are submitted."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.db import connections, transaction

from jobs import announce
from jobs.testing.running import drain_jobs


@contextmanager
def eager() -> Iterator[None]:
    """Run each job in the call that submits it, and raise there what its handler raises.

        with eager():
            client.post("/sign-up", {"email": "ada@example.org"})

    Also a decorator. Inside a test's transaction the job runs at once; else after the caller's transaction commits, as
    with a worker. Jobs that a running job submits run behind it; jobs for later, and what sleeps or is to be tried
    again, wait as ever. What a job raised is in its row as well.
    """
    running: set[str] = set()

    def run(using: str) -> None:
        if using in running:
            return
        running.add(using)
        try:
            drain_jobs(raising=True)
        finally:
            running.discard(using)

    def told(using: str) -> None:
        if _in_test(using):
            run(using)
        else:
            transaction.on_commit(partial(run, using), using=using)

    announce.listeners.append(told)
    try:
        yield
    finally:
        announce.listeners.remove(told)


def _in_test(using: str) -> bool:
    """Whether the outermost transaction is a test's, so that nothing ever commits."""
    blocks = connections[using].atomic_blocks
    return bool(blocks) and bool(getattr(blocks[0], "_from_testcase", False))

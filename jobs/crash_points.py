"""Named moments at which a process can be told to die, so that tests see what a crash there leaves behind.

`EKIDEN_CRASH_POINT=after_claim_commit` kills the process by SIGKILL when it first comes there, `after_claim_commit:3`
when it comes there for the third time. Only for tests: `check --deploy` refuses it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

#: All there are, and what is interrupted there.
POINTS: Final[dict[str, str]] = {
    "before_claim_commit": "A claim that is written and not committed.",
    "after_claim_commit": "A worker that holds jobs and has begun none of them.",
    "after_effect": "A handler that has done its work, and nobody knows yet.",
    "before_complete_commit": "The outcome of completed jobs, written and not committed.",
    "after_complete_commit": "A worker that has completed jobs and still has them in hand.",
    "before_retry_commit": "Putting failed jobs back, written and not committed.",
    "after_retry_commit": "A worker that has put jobs back and still has them in hand.",
    "before_dead_letter_commit": "Giving jobs up, written and not committed.",
    "after_dead_letter_commit": "A worker that has given jobs up and still has them in hand.",
    "before_suspend_commit": "Putting jobs back until a sleep or an event is over, written and not committed.",
    "after_suspend_commit": "A worker that has put sleeping jobs back and still has them in hand.",
    "before_task_commit": "A task that has done its work, its finish written and not committed.",
    "after_task_commit": "A job behind a task whose finish is committed.",
    "before_release_commit": "Letting jobs go that waited for others, written and not committed.",
    "after_release_commit": "Jobs that have been let go, and nobody has been told.",
    "before_fire_commit": "The jobs of schedules that were due, written and not committed.",
    "after_fire_commit": "Jobs of schedules that are there, and whoever made them knows of nothing.",
    "mid_bulk_submit": "Many jobs in one submission, between two of its statements.",
    "mid_bulk_redrive": "Many dead letters in one act, between two of them.",
    "mid_bulk_chunk": "A chunk of a bulk operation, its rows acted on and its place not committed.",
    "before_bulk_commit": "A chunk of a bulk operation, written and not committed.",
    "after_bulk_commit": "A chunk of a bulk operation that is committed, and its worker knows of nothing.",
    "mid_prune": "Deleting old jobs, before the batch is committed.",
    "mid_search_enable": "Switching search on, when deletions are noted and changes cannot be looked for.",
    "after_search_bulk": "Changes that the search engine has taken, and nobody has marked.",
    "before_search_mark_commit": "The marks of what the search engine has taken, written and not committed.",
    "after_search_mark_commit": "Changes that are sent and marked, and whoever did it knows of nothing.",
    "after_search_create": "A new index of jobs in the search engine, its row not committed.",
    "mid_search_load": "Jobs that the search engine has, and nobody has written down how far it was.",
    "before_alias_move": "A new index of jobs that is complete, and searches still go to the old one.",
    "after_alias_move": "Searches that go to the new index of jobs, and its row does not say so.",
    "mid_search_retire": "An old index of jobs, deleted in the search engine and not in the database.",
    "mid_partition_create": "Making partitions of the request log, when some are there and some are not.",
}

_armed = ""
_hits_left = 0


def arm(setting: str) -> None:
    """Die at the point that the setting names, `name` or `name:hit`; the empty string disarms."""
    global _armed, _hits_left
    name, _, hit = setting.partition(":")
    if name and name not in POINTS:
        raise ImproperlyConfigured(f"EKIDEN_CRASH_POINT must name one of {', '.join(POINTS)}, not {name!r}.")
    _armed, _hits_left = name, int(hit or 1)


def crash_point(name: str) -> None:
    """Die here if this process was told to."""
    if _armed:
        _come_to(name)


@contextmanager
def commit_points(*moves: str, using: str = "default") -> Iterator[None]:
    """Have `before_<move>_commit` met at the end of the block, in a transaction, and `after_<move>_commit` behind it.

    Where nothing is armed this opens no transaction.
    """
    if not _armed:
        yield
        return
    with transaction.atomic(using=using):
        yield
        for move in moves:
            _come_to(f"before_{move}_commit")
            transaction.on_commit(partial(_come_to, f"after_{move}_commit"), using=using)


def _come_to(name: str) -> None:
    global _hits_left
    if name != _armed:
        return
    _hits_left -= 1
    if _hits_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

"""Waking workers when jobs have been committed. A hint only: polling finds what a hint misses.

It goes through Redis where there is one, and through the database when nobody heard it there.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction

from jobs.languages import is_foreign
from jobs.redis_channel import publish

CHANNEL: Final = "ekiden_jobs"

#: A lane is announced at most once in this time per process. Workers look again when it is over, so that
#: what was left unsaid is found then.
WINDOW_SECONDS: Final = 0.05

#: Queue names come from callers: the lanes announced last are remembered, not all that there ever were.
LANES_REMEMBERED: Final = 1_000

#: Asks workers to look at the whole queue.
ANY_PRIORITY: Final = -1

#: Begins the message that one worker alone needs to hear.
CANCEL: Final = "!"

#: Says that jobs with limits have ended, in whatever queue.
ANYWHERE: Final = "~"

#: Queue and priority, or ANY_PRIORITY.
Lane = tuple[str, int]

#: A queue, and a concurrency key or None, of which a job has ended.
Freed = tuple[str, str | None]

#: PostgreSQL takes no message of 8,000 bytes. What would be longer says that there is room somewhere.
LONGEST_MESSAGE: Final = 4_000

# A transaction that notifies has a commit record, and listeners are told only when it is on disk. Nobody waits for
# the disk for a hint: it costs a third of the time to start, and what a crash loses is found by the next poll.
_NOTIFY: Final = """
SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, message) FROM unnest(%s::text[]) AS message
"""

_Word = TypeVar("_Word", Lane, Freed)
#: Told of new work at once, before the commit, with the database's alias; for tests that do without a worker.
listeners: Final[list[Callable[[str], None]]] = []

_logger = logging.getLogger(__name__)
_last_sent: dict[Lane | Freed, float] = {}
_lock = threading.Lock()


def announce(lanes: Iterable[Lane], using: str = "default") -> None:
    """Tell workers of new work in these queues and priorities, after the caller's transaction commits."""
    transaction.on_commit(partial(_send, frozenset(lanes), time.monotonic(), using), using=using)
    for tell in listeners:
        tell(using)


def queues_of(message: str) -> set[str]:
    """Name the queues in which workers may find something to do, as an announcement says."""
    if not message.startswith("~"):
        return {message.partition(":")[0]}
    with suppress(ValueError, TypeError):
        return {str(queue) for queue, _ in json.loads(message[1:])}
    return set()


def announce_cancel(job_id: object, using: str = "default") -> None:
    """Tell the worker that runs this job to stop it, after the caller's transaction commits."""
    transaction.on_commit(partial(_notify, [f"{CANCEL}{job_id}"], using), using=using)


def announce_room(freed: Iterable[Freed] | None, using: str = "default") -> None:
    """Tell workers that jobs with limits have ended, so that others of their queue or key may start; None is of any."""
    say = partial(_notify, [ANYWHERE], using) if freed is None else partial(_send_room, frozenset(freed), using)
    transaction.on_commit(say, using=using)


def listening_parameters(using: str = "default") -> dict[str, Any]:
    """Give what psycopg needs for a connection of its own, to listen on."""
    parameters = connections[using].get_connection_params()
    for django_only in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(django_only, None)
    # A statement prepared through a pooler would be missing on the next connection.
    return {**parameters, "autocommit": True, "prepare_threshold": None}


def _send(lanes: frozenset[Lane], inserted_at: float, using: str) -> None:
    now = time.monotonic()
    # A long transaction commits rows that are older than what workers have claimed since.
    age = f":{(now - inserted_at) * 1000:.0f}"
    if due := _unsaid(lanes, now):
        _notify([f"{queue}:{priority}{age}" for queue, priority in due], using)


def _send_room(freed: frozenset[Freed], using: str) -> None:
    if due := _unsaid(freed, time.monotonic()):
        message = f"~{json.dumps(due, ensure_ascii=False)}"
        _notify([ANYWHERE if len(message.encode()) > LONGEST_MESSAGE else message], using)


def _unsaid(words: Iterable[_Word], now: float) -> list[_Word]:
    with _lock:
        due = [word for word in words if now - _last_sent.get(word, -1.0) >= WINDOW_SECONDS]
        if len(_last_sent) + len(due) > LANES_REMEMBERED:
            _last_sent.clear()
        _last_sent.update(dict.fromkeys(due, now))
    return due


def _notify(messages: list[str], using: str) -> None:
    unheard = publish(messages) if using == DEFAULT_DB_ALIAS else messages
    if left := [message for message in messages if message in unheard or _is_for_others(message)]:
        _notify_in_database(left, using)


def _is_for_others(message: str) -> bool:
    """Tell whether it may be meant for somebody who is not among those who listen to Redis."""
    # One worker alone runs the job that is to be cancelled, and may just have lost Redis. Workers of other languages
    # have a connection to the database, or web processes that listen for them there.
    return message.startswith(CANCEL) or message == ANYWHERE or any(map(is_foreign, queues_of(message)))


def _notify_in_database(messages: list[str], using: str) -> None:
    try:
        with connections[using].cursor() as cursor:
            cursor.execute(_NOTIFY, [CHANNEL, messages])
    except Error:
        # The jobs are committed: their caller must not be told otherwise because a hint was lost.
        _logger.warning("could not announce %s; workers find it at their next poll", messages, exc_info=True)

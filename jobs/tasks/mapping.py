"""One function over many items: a row for each, written in batches as they finish."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import connection, connections

from jobs.exceptions import JobCancelled, LockLost, TaskMismatch
from jobs.models import Task
from jobs.tasks.arguments import fingerprint, shown
from jobs.tasks.journal import Written
from jobs.tasks.place import WHOLE, Kind, Place, recalled, value_of
from jobs.tasks.running import Tasks, awaited, dump_value, refuse_coroutine

Status = Task.Status

MOST_ITEMS: Final = 100_000
MOST_AT_ONCE: Final = 256

#: Results that may wait to be written, in number and in characters: the memory of a map is bounded by them.
MOST_UNWRITTEN: Final = 500
MOST_CHARACTERS: Final = 16_000_000
#: How often those that have begun and not ended are told, when none ends meanwhile.
LOOK_SECONDS: Final = 0.1


class Mapping:
    """One map of one attempt; items are taken and ended by several threads or coroutines, and written by one."""

    def __init__(self, tasks: Tasks, place: Place, items: list[Any]) -> None:
        self.tasks, self.place, self.items = tasks, place, items
        #: Set when something has ended and may be written.
        self.news = threading.Event()
        self.room = threading.Semaphore(MOST_UNWRITTEN)
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._begun: dict[int, float] = {}
        self._told: set[int] = set()
        self._ended: list[Written] = []
        self._begun_at = time.monotonic()
        self._results: dict[int, str | None] = {}
        self.whole = place.finished(WHOLE)
        try:
            self._recall()
        except TaskMismatch as error:
            raise tasks.ends(error) from None
        self._left = iter([index for index in range(len(items)) if index not in self._results])
        self.todo = 0 if self.whole else len(items) - len(self._results)

    def begin(self) -> None:
        self.tasks.go_on(self.place)
        self.tasks.journal.write([self._row_of_all(Status.PROCESSING)], durable=False)

    def take(self) -> int | None:
        """Give the next item's number; None when there is none, or nothing more is to be begun."""
        attempt = self.tasks.attempt
        with self._lock:
            if self.error is not None or attempt.fenced or attempt.cancelled:
                return None
            index = next(self._left, None)
            if index is not None:
                self._begun[index] = time.monotonic()
            return index

    def end(self, index: int, text: str | None, error: BaseException | None = None) -> None:
        """Take note of what came of an item, a result or an error; the first error stops the map."""
        status = Status.COMPLETED
        if error is not None:
            status = Status.CANCELLED if isinstance(error, JobCancelled) else Status.FAILED
        with self._lock:
            begun_at = self._begun.pop(index)
            self._ended.append(self._row(index, status, begun_at, time.monotonic(), text, error))
            self.error = self.error or error
        self.news.set()

    def flush(self) -> None:
        """Write what has ended and what has begun since, and tell the progress."""
        with self._lock:
            ended = self._next_batch()
            begun = {index: at for index, at in self._begun.items() if index not in self._told}
            self._told.update(begun)
        rows = ended + [self._row(index, Status.PROCESSING, at) for index, at in begun.items()]
        if not rows:
            return
        try:
            self.tasks.journal.write(rows, durable=bool(ended))
            for row in ended:
                self.room.release()
                self._told.discard(row.item)
                if row.status == Status.COMPLETED:
                    self._results[row.item] = row.result
            done, of = len(self._results), len(self.items)
            self.tasks.tell_progress(100 * done / of, f"{self.place.name}: {done} of {of}")
        except BaseException as error:
            self.stop(error)
            raise

    def stop(self, error: BaseException) -> None:
        """Have no item begun any more."""
        self.error = self.error or error
        for _ in range(MOST_AT_ONCE):
            self.room.release()

    @property
    def unwritten(self) -> int:
        return len(self._ended)

    def conclude(self) -> None:
        """Remember the end of the map, and raise what stopped it."""
        if self.error is not None:
            if not isinstance(self.error, LockLost | JobCancelled):
                self.tasks.journal.write([self._row_of_all(Status.FAILED, self.error)], durable=True)
            raise self.error
        if self.tasks.attempt.fenced:
            raise LockLost
        if len(self._results) < len(self.items):
            raise JobCancelled
        self.tasks.journal.write([self._row_of_all(Status.COMPLETED)], durable=True)

    def results(self) -> list[Any]:
        """Give the results in the order of the items, as every later attempt will see them."""
        if self.whole is not None and self.whole.status == Status.FAILED:
            recalled(self.whole)
        return [value_of(self._results[index]) for index in range(len(self.items))]

    def _recall(self) -> None:
        """Find the items that are finished; raises TaskMismatch when they are others, or another number of them."""
        rows, of = self.place.rows, len(self.items)
        whole = rows.get(WHOLE)
        finished = {index: row for index, row in rows.items() if row.status == Status.COMPLETED and index != WHOLE}
        if whole is not None and whole.fingerprint != of:
            if finished or self.whole:
                raise self.place.mismatch(f"the job remembers this map with {whole.fingerprint} items, not {of}")
            self.place.stale, self.place.rows = True, {}
        for index, row in finished.items():
            self.place.check_fingerprint(row, fingerprint(self.items[index]))
            self._results[index] = row.result

    def _next_batch(self) -> list[Written]:
        size = count = 0
        while count < len(self._ended) and size < MOST_CHARACTERS:
            size += len(self._ended[count].result or "")
            count += 1
        batch, self._ended = self._ended[:count], self._ended[count:]
        return batch

    def _row(
        self,
        index: int,
        status: str,
        begun_at: float,
        ended_at: float | None = None,
        result: str | None = None,
        error: BaseException | None = None,
    ) -> Written:
        place, item = self.place, self.items[index]
        return place.row(
            status,
            item=index,
            payload=shown({"item": item}),
            fingerprint=fingerprint(item),
            result=result,
            error=error,
            begun_at=begun_at,
            ended_at=ended_at,
        )

    def _row_of_all(self, status: str, error: BaseException | None = None) -> Written:
        return self.place.row(
            status,
            item=WHOLE,
            payload=json.dumps({"items": len(self.items)}),
            fingerprint=len(self.items),
            error=error,
            begun_at=self._begun_at,
            ended_at=None if status == Status.PROCESSING else time.monotonic(),
        )


def run(tasks: Tasks, name: str, function: Callable[[Any], Any], items: Iterable[Any], concurrency: int) -> list[Any]:
    """Call a plain function for every item that is not finished, in so many threads."""
    refuse_coroutine(name, function)
    listed = _checked(items, concurrency)
    mapping = Mapping(tasks, tasks.enter(Kind.MAP, name), listed)
    if mapping.whole is None:
        mapping.begin()
        if connection.in_atomic_block:
            # Of a test case: other threads would not see what it has written.
            _one_by_one(mapping, function)
        else:
            _in_threads(mapping, function, min(concurrency, mapping.todo))
        mapping.conclude()
    return mapping.results()


async def arun(
    tasks: Tasks, name: str, function: Callable[[Any], Any], items: Iterable[Any], concurrency: int
) -> list[Any]:
    """Await a coroutine function, or call a plain one in threads, for every item that is not finished."""
    listed = _checked(items, concurrency)
    mapping = Mapping(tasks, await tasks.aenter(Kind.MAP, name), listed)
    if mapping.whole is None:
        await sync_to_async(mapping.begin)()
        await _in_coroutines(mapping, function, min(concurrency, mapping.todo))
        await sync_to_async(mapping.conclude)()
    return mapping.results()


def _checked(items: Iterable[Any], concurrency: int) -> list[Any]:
    listed = list(items)
    if len(listed) > MOST_ITEMS:
        raise ValueError(f"A map has at most {MOST_ITEMS} items, not {len(listed)}.")
    if not 1 <= concurrency <= MOST_AT_ONCE:
        raise ValueError(f"The concurrency of a map is from 1 to {MOST_AT_ONCE}, not {concurrency}.")
    return listed


def _one_by_one(mapping: Mapping, function: Callable[[Any], Any]) -> None:
    while (index := mapping.take()) is not None:
        _do(mapping, function, index)
        if mapping.unwritten == MOST_UNWRITTEN:
            mapping.flush()
    while mapping.unwritten:
        mapping.flush()


def _in_threads(mapping: Mapping, function: Callable[[Any], Any], size: int) -> None:
    working = threading.Semaphore(0)

    def work() -> None:
        try:
            while mapping.room.acquire() and (index := mapping.take()) is not None:
                _do(mapping, function, index)
        finally:
            connections.close_all()
            working.release()
            mapping.news.set()

    # Each in a copy of this context: what they log is of this attempt, and what they trace of its trace.
    threads = [
        threading.Thread(target=copy_context().run, args=[work], name=f"map-{mapping.place.name}", daemon=True)
        for _ in range(size)
    ]
    for thread in threads:
        thread.start()
    ended = 0
    while ended < size or mapping.unwritten:
        mapping.news.wait(LOOK_SECONDS)
        mapping.news.clear()
        while working.acquire(blocking=False):
            ended += 1
        if not isinstance(mapping.error, LockLost):
            _flush_quietly(mapping)
        elif ended == size:
            return


def _flush_quietly(mapping: Mapping) -> None:
    """Write; what goes wrong is the map's error, raised when those in flight have ended."""
    try:
        mapping.flush()
    except BaseException:
        if not isinstance(mapping.error, LockLost):
            raise


def _do(mapping: Mapping, function: Callable[[Any], Any], index: int) -> None:
    try:
        with mapping.tasks.inside():
            text = dump_value(function(mapping.items[index]))
    except BaseException as error:  # noqa: BLE001 - it is the item's outcome, and raised by the map
        mapping.end(index, None, error)
    else:
        mapping.end(index, text)


async def _in_coroutines(mapping: Mapping, function: Callable[[Any], Any], size: int) -> None:
    ended, written = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            while (index := mapping.take()) is not None:
                await _ado(mapping, function, index)
                ended.set()
                while mapping.unwritten >= MOST_UNWRITTEN and mapping.error is None:
                    written.clear()
                    await written.wait()
        finally:
            ended.set()

    workers = [asyncio.ensure_future(work()) for _ in range(size)]
    try:
        while not all(worker.done() for worker in workers) or mapping.unwritten:
            with suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), LOOK_SECONDS)
            ended.clear()
            await sync_to_async(mapping.flush)()
            written.set()
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _ado(mapping: Mapping, function: Callable[[Any], Any], index: int) -> None:
    try:
        with mapping.tasks.inside():
            text = dump_value(await awaited(function, mapping.items[index]))
    except Exception as error:  # noqa: BLE001 - as above
        mapping.end(index, None, error)
    else:
        mapping.end(index, text)

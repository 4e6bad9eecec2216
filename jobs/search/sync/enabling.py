"""Switching search on and off: what PostgreSQL keeps for it is made by a command, and nobody else pays for it.

Every step may be run again; whoever is stopped in between calls the same command once more.
"""

import logging
from importlib.resources import files
from typing import Final

from django.db import OperationalError, ProgrammingError, connection, transaction
from psycopg import errors

from jobs import conf
from jobs.crash_points import crash_point
from jobs.exceptions import JobError
from jobs.models import SearchIndex, SearchRejection, SearchSlot, SearchTombstone
from jobs.models.columns import ClockTimestamp
from jobs.models.search_slot import SLOTS
from jobs.search.engine.link import engine as engine_of_settings
from jobs.search.sync.beginning import refuse_foreign
from jobs.search.sync.progress import Progress, Unseen
from jobs.search.sync.slots import raise_tokens

_logger = logging.getLogger(__name__)

_SQL: Final = files("jobs") / "sql"
_MAKE_INDEX: Final = (_SQL / "search_dirty_index.sql").read_text()
_MAKE_TRIGGER: Final = (_SQL / "search_tombstone_trigger.sql").read_text()
# Whether it is whole, and whether somebody is just making it.
_FIND_INDEX: Final = """
SELECT i.indisvalid AND i.indisready,
       EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
FROM pg_index i WHERE i.indexrelid = to_regclass('public.job_search_dirty')
"""
_DROP_INDEX: Final = "DROP INDEX CONCURRENTLY IF EXISTS public.job_search_dirty"
_FIND_TRIGGER: Final = """
SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.job_queue'::regclass AND tgname = 'note_deleted_jobs'
               AND tgenabled <> 'D')
"""
_DROP_TRIGGER: Final = "DROP TRIGGER IF EXISTS note_deleted_jobs ON public.job_queue"


class NoEngine(JobError):
    """No search engine is named: set ELASTICSEARCH_URL."""


class NotTheOwner(JobError):
    """Only the owner of the tables may switch search on and off: run this with the DATABASE_URL of `migrate`."""


class InUse(JobError):
    """Others kept job_queue locked for 5 seconds. Nothing is lost: run the same command again in a quieter moment."""


class BeingMade(JobError):
    """Another process is just making the database index of changed jobs: wait for its end."""


def prepare(progress: Progress | None = None) -> None:
    """Have PostgreSQL note which jobs change and which are deleted; without locking anybody out for long."""
    shown, engine = progress or Unseen(), engine_of_settings()
    if engine is None:
        raise NoEngine
    shown.note(f"{engine.info()} answers at {engine.addresses[0]}.")
    refuse_foreign(engine)
    try:
        _make_trigger()
        crash_point("mid_search_enable")
        _make_index(shown)
    except ProgrammingError as error:
        if isinstance(error.__cause__, errors.InsufficientPrivilege):
            raise NotTheOwner from error
        raise
    # Last of all: from now on changes are looked for by the database index.
    SearchSlot.objects.bulk_create([SearchSlot(number=number) for number in range(SLOTS)], ignore_conflicts=True)


def disable(keep_indexes: bool = False) -> list[str]:
    """Take back what enabling made, the indexes in the engine as well; gives the names of those that stay there.

    Those that stay lose the alias, so that enabling search anew makes another index beside them. Raises an EngineError
    when the engine cannot be told; everything else is done by then.
    """
    if engine_of_settings() is None and not keep_indexes:
        raise NoEngine("No search engine is named, so its indexes cannot be deleted: --keep-indexes leaves them there.")
    _stop_sending()
    try:
        _drop_what_was_made()
    except ProgrammingError as error:
        if isinstance(error.__cause__, errors.InsufficientPrivilege):
            raise NotTheOwner from error
        raise
    return _delete_indexes(keep_indexes)


def has_trigger() -> bool:
    """Tell whether deletions are noted."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND_TRIGGER)
        return bool(cursor.fetchone()[0])


def has_index() -> bool:
    """Tell whether the database index of changed jobs is there, and whole."""
    found = _found_index()
    return found is not None and found[0]


def _make_trigger() -> None:
    if not has_trigger():
        _briefly(_MAKE_TRIGGER)


def _make_index(shown: Progress) -> None:
    found = _found_index()
    if found is not None and found[1]:
        raise BeingMade
    if found is not None and not found[0]:
        shown.note("The database index job_search_dirty was not finished: it is made anew.")
        _drop_index()
        found = None
    if found is None:
        shown.begin("making the database index of changed jobs")
        with connection.cursor() as cursor:
            cursor.execute(_MAKE_INDEX)
            # Of what the index is made of nothing is known yet, and plans would be guesses.
            cursor.execute("ANALYZE job_queue")


def _found_index() -> tuple[bool, bool] | None:
    with connection.cursor() as cursor:
        cursor.execute(_FIND_INDEX)
        row = cursor.fetchone()
    return (bool(row[0]), bool(row[1])) if row else None


def _drop_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DROP_INDEX)


def _stop_sending() -> None:
    """Fence off whoever is sending or loading; from then on PostgreSQL answers."""
    with transaction.atomic():
        # In the order in which whoever builds an index locks them, too.
        list(SearchIndex.objects.order_by("name").select_for_update())
        raise_tokens()
        SearchIndex.objects.written().update(
            state=SearchIndex.State.RETIRED, retired_at=ClockTimestamp(), held_until=None
        )
        SearchSlot.objects.all().delete()


def _drop_what_was_made() -> None:
    _briefly(_DROP_TRIGGER)
    _drop_index()
    SearchTombstone.objects.all().delete()
    SearchRejection.objects.all().delete()


def _delete_indexes(keep: bool) -> list[str]:
    names = list(SearchIndex.objects.order_by("name").values_list("name", flat=True))
    engine = engine_of_settings()
    if keep and names and engine is not None:
        engine.drop_alias(conf.search_alias())
    for name in names:
        if not keep and engine is not None:
            # The row goes last: who comes after a kill finds nothing to delete, and deletes the row.
            engine.delete_index(name)
        SearchIndex.objects.filter(name=name).delete()
    return names if keep else []


def _briefly(statement: str) -> None:
    """Change the table of jobs without having everybody queue behind a lock that does not come."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute(statement)
    except OperationalError as error:
        if isinstance(error.__cause__, errors.LockNotAvailable):
            raise InUse from error
        raise

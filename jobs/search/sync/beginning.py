"""Beginning a new index, or going on with one that a process left half built."""

import logging
import time
from typing import Final

from django.db import IntegrityError, connection, transaction

from jobs import conf
from jobs.crash_points import crash_point
from jobs.exceptions import JobError
from jobs.models import Job, SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.search.engine.client import Engine
from jobs.search.mapping import MAPPING_VERSION, index_body
from jobs.search.sync.holding import HELD_FOR, Hold, take
from jobs.search.sync.naming import next_name
from jobs.search.sync.progress import Progress
from jobs.search.sync.slots import raise_tokens
from jobs.search.sync.state import is_enabled

_logger = logging.getLogger(__name__)

#: Between two looks at an index that another process builds.
LOOK_SECONDS: Final = 1.0
#: So many jobs are counted quickly.
FEW: Final = 10_000


class NotEnabled(JobError):
    """Search is not switched on: `manage.py search enable` does that."""


class AliasTaken(JobError):
    """The alias of searches leads to an index of which this database knows nothing."""


def begin(engine: Engine, progress: Progress) -> Hold | None:
    """Take the index that is being built, or a new one; None when another process has built it meanwhile.

    While another one builds it this waits, to go on in its place should it die.
    """
    _forget_lost(engine)
    waiting = False
    while True:
        row = SearchIndex.objects.building()
        if row is None and waiting:
            return None
        hold = _create(engine) if row is None else take(row.name)
        if hold is not None and row is not None and not _fits(engine, row):
            abandon(engine, hold)
            continue
        if hold is not None:
            return hold
        if not waiting:
            progress.note("Another process builds the new index: waiting for its end.")
        waiting = True
        time.sleep(LOOK_SECONDS)


def abandon(engine: Engine, hold: Hold) -> None:
    """Give up an index that is not what it should be any more; nothing searches it."""
    _logger.warning("the index %s is of another release or gone from the engine: it is built anew", hold.name)
    with transaction.atomic():
        hold.row().delete()
        raise_tokens()
    engine.delete_index(hold.name)


def _forget_lost(engine: Engine) -> None:
    """Give up an index that serves and is gone from the engine: nothing can be sent to it, and the next is a first."""
    serving = SearchIndex.objects.serving()
    if serving is None or engine.index_exists(serving.name):
        return
    _logger.warning("the index %s is gone from the engine: PostgreSQL answers until there is a new one", serving.name)
    with transaction.atomic():
        SearchIndex.objects.filter(name=serving.name, state=SearchIndex.State.SERVING).delete()
        raise_tokens()


def _fits(engine: Engine, row: SearchIndex) -> bool:
    return row.mapping_version == MAPPING_VERSION and engine.index_exists(row.name)


def _create(engine: Engine) -> Hold | None:
    """Make an index and its row; None when another process was quicker.

    The row is there first, for its transaction alone, so that nobody else makes one as well. Changes go to the index
    once the row is committed; whoever dies before that leaves an empty index, which is swept up later.
    """
    refuse_foreign(engine)
    name = next_name(engine)
    try:
        with transaction.atomic():
            row = SearchIndex(name=name, mapping_version=MAPPING_VERSION, expected=_jobs_expected(), token=1)
            row.save(force_insert=True)
            SearchIndex.objects.filter(pk=name).update(held_until=ClockTimestamp() + HELD_FOR)
            engine.create_index(name, index_body())
            crash_point("after_search_create")
            raise_tokens()
            if not is_enabled():
                # Switched off meanwhile: nobody would send changes to it.
                raise NotEnabled
    except IntegrityError:
        return None
    return Hold(name, 1)


def refuse_foreign(engine: Engine) -> None:
    """Raise AliasTaken where searches would be led away from an index that is not this database's."""
    alias = conf.search_alias()
    if (leads_to := engine.aliases(alias)) and not SearchIndex.objects.exists():
        raise AliasTaken(
            f"The alias {alias} leads to {leads_to[0]}, of which this database knows nothing: it may be another "
            "installation's. Choose another name by ELASTICSEARCH_INDEX, or delete that index."
        )


def _jobs_expected() -> int:
    """Tell how many jobs there seem to be; they are only counted where there are few, or PostgreSQL has no idea."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)", [Job._meta.db_table])
        expected = int(cursor.fetchone()[0])
    return expected if expected >= FEW else Job.objects.count()

"""A new index of all jobs, made from the database while the old one, if there is one, goes on being searched."""

import time
from typing import Final

from django.db import transaction

from jobs.exceptions import JobError
from jobs.models import SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.search.engine.client import Engine
from jobs.search.engine.link import engine as engine_of_settings
from jobs.search.mapping import index_body
from jobs.search.sync.beginning import NotEnabled, begin
from jobs.search.sync.holding import SIGN_OF_LIFE, Hold
from jobs.search.sync.loading import load
from jobs.search.sync.progress import Progress, Unseen
from jobs.search.sync.reconciling import Walk, note
from jobs.search.sync.slots import raise_tokens
from jobs.search.sync.state import is_enabled
from jobs.search.sync.swapping import swap
from jobs.search.sync.syncing import sync_until_clean

#: Each repairs what it finds: what is still found in the last one is found for ever.
MOST_WALKS: Final = 5


class StillDrifting(JobError):
    """The new index is not as it should be, however often it is repaired; searches go on by the old one."""


def reindex(progress: Progress | None = None) -> bool:
    """Build an index and have searches go to it; the first one of all as well. Goes on with one that is half built.

    False when another process built it while this one waited for its end. Call it outside of a transaction, and again
    after whatever stops it: it goes on where it was.
    """
    engine = engine_of_settings()
    if engine is None or not is_enabled():
        raise NotEnabled
    shown = progress or Unseen()
    hold = begin(engine, shown)
    if hold is None:
        return False
    try:
        _build(engine, hold, shown)
    except BaseException:
        # Whoever comes next need not wait until it is clear that nobody works on it.
        hold.let_go()
        raise
    return True


def _build(engine: Engine, hold: Hold, shown: Progress) -> None:
    row = SearchIndex.objects.get(name=hold.name)
    if row.loaded_at is None:
        # Nobody searches it yet: the engine need not make every second's documents findable.
        engine.change_settings(hold.name, {"refresh_interval": "-1"})
        load(engine, hold, shown, marking=SearchIndex.objects.serving() is None)
        with transaction.atomic():
            hold.write(loaded_at=ClockTimestamp())
            raise_tokens()
    engine.change_settings(hold.name, {"refresh_interval": index_body()["settings"]["index"]["refresh_interval"]})
    _catch_up(hold, shown)
    _reconcile(engine, hold, shown)
    swap(engine, hold)
    shown.note(f"Searches are answered from {hold.name}.")


def _catch_up(hold: Hold, shown: Progress) -> None:
    """Have what changed meanwhile sent, by ourselves where no worker does it."""
    shown.begin("sending what changed meanwhile")
    while not sync_until_clean(time.monotonic() + SIGN_OF_LIFE):
        hold.write()
    hold.write()


def _reconcile(engine: Engine, hold: Hold, shown: Progress) -> None:
    loaded = SearchIndex.objects.get(name=hold.name).loaded
    for _ in range(MOST_WALKS):
        shown.begin("comparing", loaded or None)
        walk = Walk(hold.name)
        for step in walk.steps(engine, repair=True):
            hold.write()
            shown.advance(step.checked)
        if not walk.found.total:
            note(hold.name, walk.found)
            return
        shown.note(f"repaired: {walk.found}")
    raise StillDrifting

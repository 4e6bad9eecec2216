"""What workers do for the search index by and by: hold it against the jobs every day, and clear old ones away."""

import logging
import time
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from jobs import conf
from jobs.exceptions import JobError
from jobs.models import Chore, SearchIndex
from jobs.search.engine.client import Engine
from jobs.search.engine.failures import EngineAway
from jobs.search.engine.link import engine as engine_of_settings
from jobs.search.sync.drift import Drift
from jobs.search.sync.reconciling import Walk, note
from jobs.search.sync.retiring import retire, sweep

_logger = logging.getLogger(__name__)

CHORE: Final = "search index"
#: Seconds between two runs, and how long one may compare: other chores wait for it, and have their turn in between.
INTERVAL: Final = 60.0
RUN_SECONDS: Final = 15.0
#: From the beginning of one walk along all jobs to that of the next.
WALK_EVERY: Final = timedelta(days=1)


class IndexLost(JobError):
    """The index that serves is gone from the engine; PostgreSQL answers. `manage.py search reindex` makes a new one."""


def tidy() -> None:
    """Do what is due, from where the last run was; for the workers' chore. Nothing while the engine is away."""
    engine = engine_of_settings()
    if engine is None or not SearchIndex.objects.exists():
        return
    try:
        retire(engine)
        _lead_back(engine)
        _go_on(engine)
    except EngineAway as error:
        _logger.warning("the search index waits for the engine: %s", error)


def _lead_back(engine: Engine) -> None:
    """Have searches come to the index that serves, wherever the alias was moved to."""
    alias = conf.search_alias()
    leads_to = engine.aliases(alias)
    # Behind the alias: a swap that goes on, which has moved it and is not committed, still has an index being built.
    serving = SearchIndex.objects.serving()
    if serving is None or leads_to == [serving.name] or SearchIndex.objects.building() is not None:
        return
    if not engine.index_exists(serving.name):
        raise IndexLost
    _logger.warning("the alias %s led to %s instead of %s", alias, leads_to or "nothing", serving.name)
    engine.move_alias(alias, serving.name, leads_to)


def _go_on(engine: Engine) -> None:
    remembered = Chore.objects.filter(name=CHORE)
    memory: dict[str, Any] = remembered.values_list("memory", flat=True).first() or {}
    serving = SearchIndex.objects.serving()
    if serving is None or _has_walked(memory, serving.name):
        return
    walk, began = _resumed(memory, serving.name)
    if walk.position is None:
        sweep(engine)
    until = time.monotonic() + RUN_SECONDS
    try:
        for _ in walk.steps(engine, repair=True):
            if time.monotonic() > until:
                break
        if walk.at_end:
            note(walk.index, walk.found)
    finally:
        remembered.update(memory=_memory(walk, began))


def _has_walked(memory: dict[str, Any], index: str) -> bool:
    fresh = memory.get("index") == index and memory["at_end"]
    return fresh and timezone.now() - datetime.fromisoformat(memory["began"]) < WALK_EVERY


def _resumed(memory: dict[str, Any], index: str) -> tuple[Walk, datetime]:
    if memory.get("index") != index or memory["at_end"]:
        return Walk(index), timezone.now()
    position = memory["position"] and UUID(memory["position"])
    return Walk(index, position, Drift(**memory["found"])), datetime.fromisoformat(memory["began"])


def _memory(walk: Walk, began: datetime) -> dict[str, Any]:
    return {
        "index": walk.index,
        "position": walk.position and str(walk.position),
        "found": asdict(walk.found),
        "at_end": walk.at_end,
        "began": began.isoformat(),
    }

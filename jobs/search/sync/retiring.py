"""Deleting indexes that have been replaced, a day later, and empty ones that nobody made use of."""

import logging
from datetime import timedelta
from typing import Final

from jobs import conf
from jobs.crash_points import crash_point
from jobs.models import SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.search.engine.client import Engine
from jobs.search.sync.naming import numbered

_logger = logging.getLogger(__name__)

#: So long one could go back to it by hand, though it gets no changes.
KEPT_FOR: Final = timedelta(days=1)


def retire(engine: Engine) -> int:
    """Delete the indexes that were replaced more than a day ago; gives how many.

    The row goes last: whoever comes after one that died in between finds no index and deletes the row.
    """
    old = SearchIndex.objects.filter(state=SearchIndex.State.RETIRED, retired_at__lt=ClockTimestamp() - KEPT_FOR)
    names = list(old.values_list("name", flat=True))
    if not names:
        return 0
    searched = engine.aliases(conf.search_alias())
    for name in names:
        if name in searched:
            _logger.warning("the index %s was replaced, but the alias leads to it: it is kept", name)
            continue
        engine.delete_index(name)
        crash_point("mid_search_retire")
        SearchIndex.objects.filter(name=name, state=SearchIndex.State.RETIRED).delete()
        _logger.info("deleted the index %s, which was replaced a day ago", name)
    return len(names)


def sweep(engine: Engine) -> int:
    """Delete empty indexes without a row, which processes left that died just after they had made them.

    One with documents is not ours to delete: another installation may have chosen the same alias.
    """
    rows = dict(SearchIndex.objects.values_list("name", "state"))
    latest = max(numbered(rows).values(), default=0)
    searched = engine.aliases(conf.search_alias())
    swept = 0
    for name, number in numbered(engine.indexes(f"{conf.search_alias()}-")).items():
        # A later number may be that of an index whose row is about to be committed.
        if number < latest and name not in rows and name not in searched and not engine.count(name):
            engine.delete_index(name)
            swept += 1
    return swept

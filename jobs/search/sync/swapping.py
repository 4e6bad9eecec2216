"""Having searches go to a new index, from one moment to the next."""

from django.db import transaction

from jobs import conf
from jobs.crash_points import crash_point
from jobs.models import SearchIndex
from jobs.models.columns import ClockTimestamp
from jobs.search.engine.client import Engine
from jobs.search.sync.holding import Hold
from jobs.search.sync.slots import raise_tokens


def swap(engine: Engine, hold: Hold) -> None:
    """Move the alias to the index that was built, and retire the one that served.

    Both hold the same until the transaction is committed, for changes go to both; whoever dies before that leaves an
    index that is being built, and the alias is moved once more. The row is locked over the move, so that a process that
    slept through the take-over by another cannot move the alias back.
    """
    alias, State = conf.search_alias(), SearchIndex.State
    engine.refresh(hold.name)
    crash_point("before_alias_move")
    with transaction.atomic():
        hold.row()
        engine.move_alias(alias, hold.name, [name for name in engine.aliases(alias) if name != hold.name])
        crash_point("after_alias_move")
        raise_tokens()
        now = ClockTimestamp()
        SearchIndex.objects.filter(state=State.SERVING).update(state=State.RETIRED, retired_at=now)
        SearchIndex.objects.filter(name=hold.name).update(state=State.SERVING, serving_since=now, held_until=None)

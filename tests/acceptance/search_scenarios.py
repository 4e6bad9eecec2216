"""What is under way for the search engine at each crash point, and what must hold once a healthy process goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import F
from django.db.models.functions import Now

from jobs.models import Job, SearchIndex, SearchSlot
from jobs.models.search_slot import SLOTS
from jobs.search.sync import enabling, state
from jobs.search.sync.reindexing import reindex
from jobs.search.sync.retiring import sweep
from tests.acceptance.nursery import Copy, Nursery
from tests.jobs.search.sync.agreement import assert_agreement, differences
from tests.jobs.search.sync.switched_on import put_in
from tests.search_server import SearchServer


@dataclass
class SearchScene:
    """One crash; search is off before it and behind it."""

    point: str
    server: SearchServer
    nursery: Nursery

    def start(self, act: str, point: str = "") -> Copy:
        """Have a new process do one of search_acts, armed for a crash point if one is named."""
        return self.nursery.start("search", act, self.server.url, self.server.alias, point=point)

    def do(self, act: str) -> None:
        """Have a healthy process do one of them."""
        copy = self.start(act)
        assert copy.wait() == 0, copy.log

    def leads_to(self) -> list[str]:
        return self.server.engine.aliases(self.server.alias)

    def states(self) -> dict[str, str]:
        return dict(SearchIndex.objects.values_list("name", "state"))


class SearchScenario:
    """One act dies, and is done again."""

    act = ""
    hit = 1

    def lay(self, scene: SearchScene) -> None:
        raise NotImplementedError

    def at_the_crash(self, scene: SearchScene) -> None:
        """Check what the dead process left."""

    def at_the_end(self, scene: SearchScene) -> None:
        """Check what has become of it, once another process has done the act."""
        raise NotImplementedError


class NewIndex(SearchScenario):
    """The first index of all, or the next one: whoever goes on ends with one that holds every job."""

    act = "reindex"

    def __init__(self, *, first: bool = False, hit: int = 1) -> None:
        self.first, self.hit = first, hit

    def lay(self, scene: SearchScene) -> None:
        enabling.prepare()
        put_in(90)
        if not self.first:
            reindex()

    def at_the_crash(self, scene: SearchScene) -> None:
        self._check_what_was_left(scene)
        # What happens before anybody goes on.
        some = list(Job.objects.order_by("id").values_list("pk", flat=True)[::4])
        Job.objects.filter(pk__in=some[::2]).update(progress=F("progress") + 1)
        Job.objects.filter(pk__in=some[1::2]).delete()
        put_in(5)
        # As time does: the dead process is taken for dead.
        SearchIndex.objects.update(held_until=None)

    def at_the_end(self, scene: SearchScene) -> None:
        scene.do("sync")
        serving = SearchIndex.objects.serving()
        assert serving is not None
        assert scene.leads_to() == [serving.name]
        assert SearchIndex.objects.building() is None
        assert_agreement()
        sweep(scene.server.engine)
        assert scene.server.engine.indexes(scene.server.alias) == sorted(scene.states())

    def _check_what_was_left(self, scene: SearchScene) -> None:
        old = [] if self.first else [scene.server.new_index()]
        building = SearchIndex.objects.building()
        moved = scene.point == "after_alias_move"
        if scene.point == "after_search_create":
            assert building is None
            assert scene.server.engine.indexes(scene.server.alias) == [*old, scene.server.new_index(len(old) + 1)]
            return
        assert building is not None
        assert scene.leads_to() == ([building.name] if moved else old)
        if scene.point == "mid_search_load":
            assert (building.loaded, building.loaded_at) == (20 * (self.hit - 1), None)
        else:
            assert building.loaded_at is not None


class Retired(SearchScenario):
    """An index that was replaced: its row goes last."""

    act = "retire"

    def lay(self, scene: SearchScene) -> None:
        enabling.prepare()
        put_in(5)
        reindex()
        reindex()
        SearchIndex.objects.filter(state="retired").update(retired_at=Now() - timedelta(days=2))

    def at_the_crash(self, scene: SearchScene) -> None:
        old, new = scene.server.new_index(1), scene.server.new_index(2)
        assert scene.states() == {old: "retired", new: "serving"}
        assert scene.server.engine.indexes(scene.server.alias) == [new]

    def at_the_end(self, scene: SearchScene) -> None:
        assert scene.states() == {scene.server.new_index(2): "serving"}
        assert_agreement()


class Enabled(SearchScenario):
    """What was made is not made again, what lacks is."""

    act = "enable"

    def lay(self, scene: SearchScene) -> None:
        put_in(3)

    def at_the_crash(self, scene: SearchScene) -> None:
        assert (enabling.has_trigger(), enabling.has_index(), SearchSlot.objects.count()) == (True, False, 0)
        # Nothing is asked of the index that is not there.
        assert state.figures() == state.Figures()

    def at_the_end(self, scene: SearchScene) -> None:
        assert (enabling.has_trigger(), enabling.has_index(), SearchSlot.objects.count()) == (True, True, SLOTS)


class Sent(SearchScenario):
    """What was sent and not marked is sent again, and does no harm."""

    act = "sync"

    def lay(self, scene: SearchScene) -> None:
        enabling.prepare()
        put_in(20)
        reindex()
        some = list(Job.objects.values_list("pk", flat=True)[:10])
        Job.objects.filter(pk__in=some[:5]).delete()
        Job.objects.filter(pk__in=some[5:]).update(progress=F("progress") + 1)
        put_in(20)

    def at_the_crash(self, scene: SearchScene) -> None:
        assert differences(), "it died before its work was done"
        marked = Job.objects.filter(es_sync_version=F("version")).count() > 10
        assert marked == (scene.point == "after_search_mark_commit")
        # What comes meanwhile, and whoever marks late, must find nothing wrong.
        Job.objects.update(progress=F("progress") + 1)
        SearchSlot.objects.update(held_until=None)

    def at_the_end(self, scene: SearchScene) -> None:
        assert_agreement()
        assert state.figures() == state.Figures()


#: Those of one point are played one after the other, as there is one engine and one table of indexes.
SEARCH_SCENARIOS: Final[dict[str, tuple[Callable[[], SearchScenario], ...]]] = {
    "mid_search_enable": (Enabled,),
    "after_search_bulk": (Sent,),
    "before_search_mark_commit": (Sent,),
    "after_search_mark_commit": (Sent,),
    "after_search_create": (NewIndex,),
    "mid_search_load": (lambda: NewIndex(first=True, hit=3), lambda: NewIndex(hit=2)),
    "before_alias_move": (NewIndex,),
    "after_alias_move": (lambda: NewIndex(first=True), NewIndex),
    "mid_search_retire": (Retired,),
}

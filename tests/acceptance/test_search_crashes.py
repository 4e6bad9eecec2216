"""Processes that die while they keep the search engine in step: whoever comes next goes on, and nothing is missing."""

import signal

from jobs.models import Job
from jobs.search.sync import enabling
from tests.acceptance.search_scenarios import SEARCH_SCENARIOS, SearchScene


def test_a_crash_at_any_point_is_made_good(nursery, search_engine):
    for point, makers in SEARCH_SCENARIOS.items():
        for make in makers:
            scenario, scene = make(), SearchScene(point, search_engine, nursery)
            scenario.lay(scene)
            doomed = scene.start(scenario.act, f"{point}:{scenario.hit}")
            assert doomed.wait(f"the crash at {point}") == -signal.SIGKILL, f"{point}: {doomed.log}"
            scenario.at_the_crash(scene)
            scene.do(scenario.act)
            scenario.at_the_end(scene)
            enabling.disable()
            Job.objects.all().delete()

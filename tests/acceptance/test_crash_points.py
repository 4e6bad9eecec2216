"""Processes that die at each moment that has a name: nothing is lost there, and nothing is done twice."""

import ast
import signal

from jobs.crash_points import POINTS
from tests.acceptance import history
from tests.acceptance.crash_scenarios import BRISK, SCENARIOS, Scene
from tests.acceptance.search_scenarios import SEARCH_SCENARIOS
from tests.acceptance.stage import ROOT, wait_until

FINAL = ("completed", "cancelled", "dead_letter", "failed")


def names_used() -> set[str]:
    """Every name that the program gives to crash_point, and those that it gives to commit_points in full."""
    used = set()
    for app in ("jobs", "analytics"):
        for path in (ROOT / app).rglob("*.py"):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            for call in calls:
                if isinstance(call.func, ast.Name) and call.args and isinstance(call.args[0], ast.Constant):
                    if call.func.id == "crash_point":
                        used.add(call.args[0].value)
                    elif call.func.id == "commit_points":
                        used |= {f"{when}_{call.args[0].value}_commit" for when in ("before", "after")}
    return used


def test_every_name_in_the_program_is_registered():
    assert names_used() <= set(POINTS)


def test_every_point_has_a_scenario():
    assert set(SCENARIOS) | set(SEARCH_SCENARIOS) == set(POINTS)


def crash(scenes):
    for scenario, scene in scenes:
        scenario.lay(scene)
    doomed = [(scenario, scene, scenario.begin(scene)) for scenario, scene in scenes]
    for _, scene, process in doomed:
        # A process that does not come to its point does not die.
        assert process.wait(f"the crash at {scene.point}") == -signal.SIGKILL, f"{scene.point}: {process.log}"
    for scenario, scene, _ in doomed:
        scenario.at_the_crash(scene)


def test_a_crash_at_any_point_is_made_good(watched, nursery):
    stage = watched
    stage.open()
    scenes = []
    for point, makers in SCENARIOS.items():
        for n, make in enumerate(makers):
            scenes.append((make(), Scene(point, stage, nursery, f"{point}-{n}")))
    for scenario, scene in scenes:
        if scenario.before_workers:
            crash([(scenario, scene)])
    crash([(scenario, scene) for scenario, scene in scenes if not scenario.before_workers])
    healthy = nursery.start("worker", *BRISK)
    stage.wait_for_all(*FINAL)
    wait_until(stage.no_locks_left)
    for scenario, scene in scenes:
        scenario.at_the_end(scene)
    history.check(stage.db)
    assert stage.db.execute(
        "SELECT count(*) FILTER (WHERE resolution_status = 'open') = count(DISTINCT j.id)"
        "       FILTER (WHERE j.status = 'dead_letter') AS matched"
        " FROM job_queue j LEFT JOIN job_dead_letter_queue d ON d.original_job_id = j.id"
    ).fetchone() == {"matched": True}  # fmt: skip
    healthy.signal(signal.SIGTERM)
    assert healthy.wait() == 0, healthy.log


def test_the_environment_of_a_command_names_the_point(stage):
    stage.open()
    job = stage.submit("proof_note")
    worker = stage.worker(ready=False, env={"EKIDEN_CRASH_POINT": "after_claim_commit"})
    assert worker.wait() == -signal.SIGKILL
    assert stage.job(job)["status"] == "processing"
    assert stage.events() == []

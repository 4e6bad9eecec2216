"""What is under way at each crash point, and what must hold once healthy processes have taken over."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.acceptance.nursery import Copy, Nursery
from tests.acceptance.stage import Stage

#: Such that a lost worker is missed after a second.
BRISK: Final = ("--lock-duration=1500ms", "--heartbeat-interval=400ms", "--poll-interval=100ms", "--grace=10s")


@dataclass
class Scene:
    """One crash, in a queue of its own: many are played at a time."""

    point: str
    stage: Stage
    nursery: Nursery
    queue: str
    jobs: list[str] = field(default_factory=list)

    def submit(self, job_type: str, payload: Any = None, count: int = 1, **columns: Any) -> None:
        self.jobs += self.stage.submit_many(job_type, count, payload, queue=self.queue, **columns)

    def rows(self) -> list[dict[str, Any]]:
        found = self.stage.db.execute("SELECT * FROM job_queue WHERE queue = %s ORDER BY id", [self.queue]).fetchall()
        return list(found)

    def letters(self) -> list[str]:
        """Tell how each dead letter of the queue's jobs stands."""
        rows = self.stage.db.execute(
            "SELECT resolution_status FROM job_dead_letter_queue d JOIN job_queue j ON j.id = d.original_job_id"
            " WHERE j.queue = %s ORDER BY d.id",
            [self.queue],
        ).fetchall()
        return [row["resolution_status"] for row in rows]

    def all_completed(self, attempts: int, retries: int) -> None:
        for row in self.rows():
            seen = (row["status"], row["attempt"], row["retry_count"])
            assert seen == ("completed", attempts, retries), (self.point, seen, row["error_history"])


class Scenario:
    """A worker that dies with these jobs in hand; others lay out something else, or do something else."""

    hit = 1

    def lay(self, scene: Scene) -> None:
        scene.submit("proof_write", max_retries=5)

    def begin(self, scene: Scene) -> Copy:
        armed = f"{scene.point}:{self.hit}"
        return scene.nursery.start("worker", f"--queues={scene.queue}", "--no-maintenance", *BRISK, point=armed)

    def at_the_crash(self, scene: Scene) -> None:
        """Check what the dead process left; then what healthy workers need to go on may be done."""

    def at_the_end(self, scene: Scene) -> None:
        """Check what has become of it."""
        raise NotImplementedError


class Attempts(Scenario):
    """Jobs of all kinds, and how many attempts and retries they take because of the crash."""

    def __init__(self, attempts: int, retries: int, kinds: dict[str, Any], **columns: Any) -> None:
        self.attempts, self.retries, self.kinds, self.columns = attempts, retries, kinds, columns

    def lay(self, scene: Scene) -> None:
        for kind, payload in self.kinds.items():
            scene.submit(kind, payload, max_retries=5, **self.columns)

    def at_the_end(self, scene: Scene) -> None:
        scene.all_completed(self.attempts, self.retries)
        for row in scene.rows():
            runs = len(scene.stage.events("run", row["id"]))
            assert 1 <= runs <= self.attempts
            if row["job_type"] == "proof_write":
                assert len(scene.stage.effects(row["id"])) == 1


class Recorded(Attempts):
    """What was committed is not done again."""

    def at_the_crash(self, scene: Scene) -> None:
        scene.all_completed(self.attempts, self.retries)


class PutBack(Attempts):
    def at_the_crash(self, scene: Scene) -> None:
        (row,) = scene.rows()
        assert (row["status"], row["attempt"], row["retry_count"]) == ("pending", 1, 1)
        assert len(row["error_history"]) == 1


class GivenUp(Scenario):
    """A job that nothing can help: one letter, whichever attempt it was that wrote it."""

    def __init__(self, attempts: int, written: bool) -> None:
        self.attempts, self.written = attempts, written

    def lay(self, scene: Scene) -> None:
        scene.submit("proof_hopeless", max_retries=5)

    def at_the_crash(self, scene: Scene) -> None:
        (row,) = scene.rows()
        assert row["status"] == ("dead_letter" if self.written else "processing")
        assert scene.letters() == ["open"] * self.written

    def at_the_end(self, scene: Scene) -> None:
        (row,) = scene.rows()
        assert (row["status"], row["attempt"]) == ("dead_letter", self.attempts)
        assert scene.letters() == ["open"]


class Submission(Scenario):
    """All of many jobs or none; whoever submitted them knows of nothing and does it again."""

    def lay(self, scene: Scene) -> None:
        pass

    def begin(self, scene: Scene) -> Copy:
        return scene.nursery.start("submit", scene.queue, point=scene.point)

    def at_the_crash(self, scene: Scene) -> None:
        assert scene.rows() == []
        assert scene.nursery.start("submit", scene.queue).wait() == 0
        scene.jobs = [str(row["id"]) for row in scene.rows()]
        assert len(scene.jobs) == 45

    def at_the_end(self, scene: Scene) -> None:
        scene.all_completed(attempts=1, retries=0)


class Redrive(Scenario):
    """Letters are redriven two at a time: those of the transaction that broke are open as before."""

    hit = 4

    def lay(self, scene: Scene) -> None:
        scene.submit("proof_note", count=5, max_retries=5)
        scene.stage.db.execute(
            'SELECT dead_letter_jobs(array_agg(job_id), array_agg(lock_token), array_agg(\'{"message": "m"}\'::jsonb))'
            " FROM acquire_job_lock('test', NULL, interval '1 hour', 5, ARRAY[%s])",
            [scene.queue],
        )
        assert scene.letters() == ["open"] * 5

    def begin(self, scene: Scene) -> Copy:
        return scene.nursery.start("redrive", scene.queue, point=f"{scene.point}:{self.hit}")

    def at_the_crash(self, scene: Scene) -> None:
        assert sorted(scene.letters()) == ["open"] * 3 + ["redriven"] * 2
        assert sorted(row["status"] for row in scene.rows()) == ["dead_letter"] * 3 + ["pending"] * 2
        assert scene.nursery.start("redrive", scene.queue).wait() == 0

    def at_the_end(self, scene: Scene) -> None:
        assert scene.letters() == ["redriven"] * 5
        scene.all_completed(attempts=2, retries=0)


class Prune(Scenario):
    def lay(self, scene: Scene) -> None:
        scene.stage.db.execute(
            "INSERT INTO job_queue (id, job_type, queue, status, started_at, completed_at, created_at, updated_at)"
            " SELECT ('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'proof_note', %s, 'completed',"
            "        moment, moment, moment, moment"
            " FROM generate_series(1, 3) AS n, (SELECT now() - interval '90 days' AS moment) AS old",
            [scene.queue],
        )

    def begin(self, scene: Scene) -> Copy:
        return scene.nursery.start("maintain", point=scene.point)

    def at_the_crash(self, scene: Scene) -> None:
        assert len(scene.rows()) == 3
        assert scene.nursery.start("maintain").wait() == 0

    def at_the_end(self, scene: Scene) -> None:
        assert scene.rows() == []


class Partitions(Scenario):
    """Some are there and some are not: whoever comes next makes those that are missing."""

    def lay(self, scene: Scene) -> None:
        assert self.made(scene) == []

    def begin(self, scene: Scene) -> Copy:
        return scene.nursery.start("make_partitions", point=scene.point)

    def at_the_crash(self, scene: Scene) -> None:
        assert self.made(scene) == ["error_logs_y2001m02", "request_logs_y2001m02"]
        assert scene.nursery.start("make_partitions").wait() == 0
        both = [f"{parent}_logs_y{year}m02" for parent in ("error", "request") for year in (2001, 2002)]
        assert self.made(scene) == both

    def at_the_end(self, scene: Scene) -> None:
        """By then the healthy worker's chores have dropped them, being so old."""

    def made(self, scene: Scene) -> list[str]:
        rows = scene.stage.db.execute("SELECT name FROM log_partitions() WHERE ends < '2010-01-01' ORDER BY name")
        return [row["name"] for row in rows.fetchall()]


_BOTH: Final = {"proof_write": {}, "proof_anote": {}}
_ATOMIC: Final = {"proof_write": {}}
_FAILS_ONCE: Final = {"proof_write": {"then": "raise"}}

#: Those that a worker comes to with ordinary jobs.
OF_WORKERS: Final = (
    *("before_claim_commit", "after_claim_commit", "after_effect", "before_complete_commit", "after_complete_commit"),
)

#: Several for one point are played one beside the other.
SCENARIOS: Final[dict[str, tuple[Callable[[], Scenario], ...]]] = {
    "before_claim_commit": (lambda: Attempts(1, 0, _BOTH),),
    "after_claim_commit": (lambda: Attempts(2, 1, _BOTH),),
    "after_effect": (lambda: Attempts(2, 1, _ATOMIC), lambda: Attempts(2, 1, {"proof_anote": {}})),
    "before_complete_commit": (lambda: Attempts(2, 1, _ATOMIC), lambda: Attempts(2, 1, {"proof_note": {}})),
    "after_complete_commit": (lambda: Recorded(1, 0, _ATOMIC), lambda: Recorded(1, 0, {"proof_note": {}})),
    "before_retry_commit": (lambda: Attempts(2, 1, _FAILS_ONCE),),
    "after_retry_commit": (lambda: PutBack(2, 1, _FAILS_ONCE),),
    "before_dead_letter_commit": (lambda: GivenUp(2, written=False),),
    "after_dead_letter_commit": (lambda: GivenUp(1, written=True),),
    "mid_bulk_submit": (Submission,),
    "mid_bulk_redrive": (Redrive,),
    "mid_prune": (Prune,),
    "mid_partition_create": (Partitions,),
}

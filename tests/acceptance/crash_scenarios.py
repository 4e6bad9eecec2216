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

    def do(self, act: str) -> None:
        """Have a healthy process do one of the acts."""
        copy = self.nursery.start(act, self.queue)
        assert copy.wait() == 0, copy.log

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
    #: It is over before any worker starts, which would do the work first.
    before_workers = False

    def lay(self, scene: Scene) -> None:
        raise NotImplementedError

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


class Steps(Attempts):
    """A task whose finish was committed is not run again."""

    def __init__(self, attempts: int, retries: int, firsts: int, seconds: float = 0.0) -> None:
        super().__init__(attempts, retries, {"proof_steps": {"seconds": seconds}})
        self.firsts = firsts

    def at_the_end(self, scene: Scene) -> None:
        super().at_the_end(scene)
        (row,) = scene.rows()
        assert row["result"] == ["first", "second"]
        done = [event["name"] for event in scene.stage.events("step", row["id"])]
        assert done == ["first"] * self.firsts + ["second"]
        kept = scene.stage.db.execute(
            "SELECT name, status FROM job_tasks WHERE job_id = %s AND kind = 'call' ORDER BY place", [row["id"]]
        ).fetchall()
        assert kept == [{"name": name, "status": "completed"} for name in ("first", "second")]


class FollowUps(Scenario):
    """What is submitted with an outcome is there as often as the outcome: once."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts

    def lay(self, scene: Scene) -> None:
        scene.submit("proof_follow", {"queue": scene.queue}, max_retries=5)

    def at_the_end(self, scene: Scene) -> None:
        seen = [(row["job_type"], row["status"], row["attempt"]) for row in scene.rows()]
        assert sorted(seen) == [("proof_follow", "completed", self.attempts), ("proof_note", "completed", 1)]


class Limited(Scenario):
    """The dead worker's lock counts against the limit until it is rescued, and no longer."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts

    def lay(self, scene: Scene) -> None:
        key = {"concurrency_key": scene.queue, "concurrency_limit": 1}
        scene.submit("proof_write", count=3, max_retries=5, **key)

    def at_the_crash(self, scene: Scene) -> None:
        statuses = [row["status"] for row in scene.rows()]
        assert statuses.count("processing") == self.attempts - 1

    def at_the_end(self, scene: Scene) -> None:
        rows = scene.rows()
        assert {row["status"] for row in rows} == {"completed"}
        assert sorted(row["attempt"] for row in rows) == [1, 1, self.attempts]
        for row in rows:
            assert len(scene.stage.effects(row["id"])) == 1


class Followed(Scenario):
    """A job completes, and its worker is gone before it lets the one go that waits."""

    def lay(self, scene: Scene) -> None:
        scene.do("submit_dependent")

    def at_the_crash(self, scene: Scene) -> None:
        assert sorted(row["status"] for row in scene.rows()) == ["completed", "pending"]

    def at_the_end(self, scene: Scene) -> None:
        scene.all_completed(attempts=1, retries=0)


class Act(Scenario):
    """Not a worker but one act of some process dies, and is done again if whoever wanted it knows of nothing."""

    act = ""
    before_workers = True

    def lay(self, scene: Scene) -> None:
        pass

    def begin(self, scene: Scene) -> Copy:
        return scene.nursery.start(self.act, scene.queue, point=f"{scene.point}:{self.hit}")


class Released(Act):
    act = "release"

    def lay(self, scene: Scene) -> None:
        scene.do("submit_dependent")
        scene.do("complete_first")

    def at_the_crash(self, scene: Scene) -> None:
        waits = [row["waits_for"] for row in scene.rows() if row["status"] == "pending"]
        assert waits == (["jobs"] if scene.point.startswith("before") else [None])

    def at_the_end(self, scene: Scene) -> None:
        scene.all_completed(attempts=1, retries=0)


class Fired(Act):
    """One job for the time that came, whoever fires in the end."""

    act = "fire"

    def lay(self, scene: Scene) -> None:
        scene.do("make_schedule")

    def at_the_crash(self, scene: Scene) -> None:
        assert len(scene.rows()) == (scene.point == "after_fire_commit")

    def at_the_end(self, scene: Scene) -> None:
        scene.all_completed(attempts=1, retries=0)
        (row,) = scene.rows()
        assert row["scheduled_for"] is not None


class Submission(Act):
    """All of many jobs or none; whoever submitted them knows of nothing and does it again."""

    def __init__(self, act: str, count: int) -> None:
        self.act, self.count = act, count

    def at_the_crash(self, scene: Scene) -> None:
        assert scene.rows() == []
        scene.do(self.act)
        assert len(scene.rows()) == self.count

    def at_the_end(self, scene: Scene) -> None:
        scene.all_completed(attempts=1, retries=0)


class Redrive(Act):
    """Letters are redriven two at a time: those of the transaction that broke are open as before."""

    act = "redrive"
    hit = 4

    def lay(self, scene: Scene) -> None:
        scene.submit("proof_note", count=5, max_retries=5)
        scene.stage.db.execute(
            "SELECT dead_letter_jobs(array_agg(job_id), array_agg(lock_token), array_agg('{}'::jsonb))"
            " FROM acquire_job_lock('test', NULL, interval '1 hour', 5, ARRAY[%s])",
            [scene.queue],
        )
        assert scene.letters() == ["open"] * 5

    def at_the_crash(self, scene: Scene) -> None:
        assert sorted(scene.letters()) == ["open"] * 3 + ["redriven"] * 2
        assert sorted(row["status"] for row in scene.rows()) == ["dead_letter"] * 3 + ["pending"] * 2
        scene.do("redrive")

    def at_the_end(self, scene: Scene) -> None:
        assert scene.letters() == ["resolved"] * 5, "by themselves, when their jobs completed"
        scene.all_completed(attempts=2, retries=0)


class Bulk(Redrive):
    """A worker dies in a chunk of an operation: what it had committed stays done, and no letter has its turn twice."""

    def __init__(self, hit: int, done: int) -> None:
        self.hit, self.done = hit, done

    def lay(self, scene: Scene) -> None:
        super().lay(scene)
        scene.do("begin_bulk")

    def begin(self, scene: Scene) -> Copy:
        own = (f"--queues={scene.queue}-bulk", "--no-maintenance", *BRISK)
        return scene.nursery.start("worker", *own, point=f"{scene.point}:{self.hit}")

    def operation(self, scene: Scene) -> dict[str, Any]:
        return dict(
            scene.stage.db.execute(
                "SELECT state, done, skipped, failed, (SELECT count(*) FROM job_audit_log a"
                "  WHERE a.action = 'redriven' AND a.details->>'bulk_operation' = o.id::text) AS told"
                " FROM job_bulk_operations o WHERE selector->'filter'->>'queue' = %s",
                [scene.queue],
            ).fetchone()
        )

    def at_the_crash(self, scene: Scene) -> None:
        assert scene.letters().count("redriven") == self.done, scene.point
        seen = self.operation(scene)
        assert (seen["done"], seen["told"]) == (self.done, self.done), scene.point

    def at_the_end(self, scene: Scene) -> None:
        scene.all_completed(attempts=2, retries=0)
        assert self.operation(scene) == {"state": "completed", "done": 5, "skipped": 0, "failed": 0, "told": 5}


class Prune(Act):
    act = "prune"

    def lay(self, scene: Scene) -> None:
        scene.stage.db.execute(
            "INSERT INTO job_queue (id, job_type, queue, status, started_at, completed_at, created_at, updated_at)"
            " SELECT ('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'proof_note', %s, 'completed',"
            "        moment, moment, moment, moment"
            " FROM generate_series(1, 3) AS n, (SELECT now() - interval '90 days' AS moment) AS old",
            [scene.queue],
        )

    def at_the_crash(self, scene: Scene) -> None:
        assert len(scene.rows()) == 3
        scene.do("prune")

    def at_the_end(self, scene: Scene) -> None:
        assert scene.rows() == []


class Partitions(Act):
    """Some are there and some are not: whoever comes next makes those that are missing."""

    act = "make_partitions"

    def lay(self, scene: Scene) -> None:
        assert self.made(scene) == []

    def at_the_crash(self, scene: Scene) -> None:
        assert self.made(scene) == ["error_logs_y2001m02", "request_logs_y2001m02"]
        scene.do("make_partitions")
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
    "before_claim_commit": (lambda: Attempts(1, 0, _BOTH), lambda: Limited(1)),
    "after_claim_commit": (lambda: Attempts(2, 1, _BOTH), lambda: Limited(2)),
    "after_effect": (lambda: Attempts(2, 1, _ATOMIC), lambda: Attempts(2, 1, {"proof_anote": {}})),
    "before_complete_commit": (
        lambda: Attempts(2, 1, _ATOMIC), lambda: Attempts(2, 1, {"proof_note": {}}), lambda: FollowUps(2),
    ),
    "after_complete_commit": (
        lambda: Recorded(1, 0, _ATOMIC), lambda: Recorded(1, 0, {"proof_note": {}}), lambda: FollowUps(1), Followed,
    ),
    "before_retry_commit": (lambda: Attempts(2, 1, _FAILS_ONCE),),
    "after_retry_commit": (lambda: PutBack(2, 1, _FAILS_ONCE),),
    "before_dead_letter_commit": (lambda: GivenUp(2, written=False),),
    "after_dead_letter_commit": (lambda: GivenUp(1, written=True),),
    "before_suspend_commit": (lambda: Steps(2, 1, firsts=1, seconds=0.1),),  # by then the sleep is over
    "after_suspend_commit": (lambda: Steps(2, 0, firsts=1, seconds=0.1),),
    "before_task_commit": (lambda: Steps(2, 1, firsts=2),),
    "after_task_commit": (lambda: Steps(2, 1, firsts=1),),
    "before_release_commit": (Released,),
    "after_release_commit": (Released,),
    "before_fire_commit": (Fired,),
    "after_fire_commit": (Fired,),
    "mid_bulk_submit": (lambda: Submission("submit", 45), lambda: Submission("submit_workflow", 3)),
    "mid_bulk_redrive": (Redrive,),
    "mid_bulk_chunk": (lambda: Bulk(hit=2, done=2),),
    "before_bulk_commit": (lambda: Bulk(hit=1, done=0),),
    "after_bulk_commit": (lambda: Bulk(hit=1, done=2),),
    "mid_prune": (Prune,),
    "mid_partition_create": (Partitions,),
}  # fmt: skip

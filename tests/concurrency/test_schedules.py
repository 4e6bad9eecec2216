"""Many workers, wrong clocks and deaths: each time of a schedule makes one job."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction

from jobs import schedules
from jobs.exceptions import ScheduleExists
from jobs.models import Job, Schedule
from jobs.scheduling import firing
from jobs.scheduling.firing import fire_due
from jobs.worker.scheduler import Scheduler
from tests.jobs.conftest import note, register  # noqa: F401 (fixtures)
from tests.jobs.scheduling.rows import HOURLY, NOON, awaiting, fired_times, made, steps
from tests.jobs.states import beside

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("note")]

WORKERS, ROUNDS, SCHEDULES = 6, 25, 5
EACH_SECOND = {"type": "timedelta", "seconds": 1}


@pytest.mark.parametrize("stepping", [False, True], ids=["clocks apart", "and stepped back"])
def test_one_job_for_each_time_whoever_looks_at_which_clock(stepping):
    """Clocks are 3 s apart, and somebody puts schedules back to where they began, as an old backup would."""
    rows = [awaiting(made(name=f"s{n}", schedule_interval=EACH_SECOND, misfire="all", misfire_cap=1_000), NOON)
            for n in range(SCHEDULES)]  # fmt: skip
    together = threading.Barrier(WORKERS + 1, timeout=60)

    def work(seed):
        chance = random.Random(seed)
        try:
            for second in range(ROUNDS):
                together.wait()
                fire_due(now=NOON + timedelta(seconds=second + chance.uniform(-1.5, 1.5)))
        finally:
            connection.close()

    def step():
        try:
            for second in range(ROUNDS):
                together.wait()
                if stepping and second % 3 == 1:
                    Schedule.objects.filter(pk=random.Random(second).choice(rows).pk).update(next_run_at=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS + 1) as pool:
        for done in [pool.submit(step), *(pool.submit(work, seed) for seed in range(WORKERS))]:
            done.result(120)
    fire_due(now=NOON + timedelta(seconds=ROUNDS))
    for schedule in rows:
        assert fired_times(schedule) == steps(NOON, ROUNDS + 1, seconds=1), "none is missing, none is there twice"


def test_a_schedule_in_other_hands_is_passed_over_and_not_waited_for():
    held, free = awaiting(made(name="held"), NOON), awaiting(made(name="free"), NOON)
    with transaction.atomic():
        schedules.change(held.pk, None, priority=9)
        assert [fired.name for fired in beside(lambda: fire_due(now=NOON))()] == ["free"]
    assert [fired.name for fired in fire_due(now=NOON)] == ["held"]
    assert len(fired_times(held)) == len(fired_times(free)) == 1
    assert Job.objects.get(schedule=held).priority == 9


def test_a_worker_that_dies_before_the_commit_has_done_nothing(monkeypatch, connect):
    schedule, real = awaiting(made(), NOON), firing.submit

    def die(schedule, times):
        real(schedule, times)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        assert connect().execute("SELECT count(*) AS made FROM job_queue").fetchone() == {"made": 0}
        connect().execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        connection.cursor().execute("SELECT 1")

    monkeypatch.setattr(firing, "submit", die)
    with pytest.raises(OperationalError):
        beside(lambda: fire_due(now=NOON))()
    schedule.refresh_from_db()
    assert not fired_times(schedule) and (schedule.next_run_at, schedule.last_error) == (NOON, "")
    monkeypatch.setattr(firing, "submit", real)
    fire_due(now=NOON)
    assert fired_times(schedule) == [NOON]


def test_a_worker_that_dies_after_the_commit_has_done_it():
    schedule = awaiting(made(), NOON)
    beside(lambda: fire_due(now=NOON))()
    assert fire_due(now=NOON + timedelta(seconds=1)) == [] and fired_times(schedule) == [NOON]


def test_of_two_who_make_one_name_at_a_time_one_is_told():
    together = threading.Barrier(2, timeout=60)

    def make():
        together.wait()
        return made(name="sole")

    results = []
    for result in [beside(make), beside(make)]:
        try:
            results.append(result().name)
        except ScheduleExists:
            results.append("taken")
    assert sorted(results) == ["sole", "taken"]


@pytest.fixture
def scheduler():
    threads = []

    def start(poll_interval=60.0):
        threads.append(Scheduler(poll_interval))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.stop()
        thread.join(20)
        assert not thread.is_alive()


class Watched:
    """Fires as before, and tells of each job."""

    def __init__(self, monkeypatch):
        self.told = threading.Semaphore(0)
        self.failures = []
        monkeypatch.setattr("jobs.worker.scheduler.fire_due", self)

    def __call__(self, limit):
        if self.failures:
            raise self.failures.pop()
        fired = fire_due(limit)
        for _ in fired:
            self.told.release()
        return fired

    def wait(self, count=1):
        for _ in range(count):
            assert self.told.acquire(timeout=30), "nothing was fired"


def test_the_thread_wakes_at_the_time_and_not_only_at_its_polls(scheduler, monkeypatch):
    watched = Watched(monkeypatch)
    schedule = made(schedule_interval=EACH_SECOND, misfire="all", misfire_cap=1_000)
    scheduler(poll_interval=60.0)
    watched.wait(2)
    times = fired_times(schedule)
    assert len(times) >= 2 and times[:2] == steps(times[0], 2, seconds=1)
    job = Job.objects.filter(schedule=schedule).earliest("id")
    assert job.created_at - job.scheduled_for < timedelta(seconds=10), "soon after its time"


def test_several_threads_share_the_times(scheduler, monkeypatch):
    watched = Watched(monkeypatch)
    schedule = made(schedule_interval=EACH_SECOND, misfire="all", misfire_cap=1_000)
    for _ in range(3):
        scheduler()
    watched.wait(2)
    times = fired_times(schedule)
    assert times == steps(times[0], len(times), seconds=1)


def test_the_thread_finds_what_was_made_meanwhile_at_its_next_poll(scheduler, monkeypatch):
    watched = Watched(monkeypatch)
    scheduler(poll_interval=0.05)
    Schedule.objects.filter(pk=made(schedule_interval=HOURLY).pk).update(next_run_at=NOON.replace(year=2020))
    watched.wait()


@pytest.mark.parametrize("failure", [OperationalError("the database is away"), ValueError("ours")], ids=repr)
def test_the_thread_outlives_what_goes_wrong(scheduler, monkeypatch, failure, caplog):
    watched = Watched(monkeypatch)
    watched.failures = [failure]
    awaiting(made(), NOON.replace(year=2020))
    scheduler(poll_interval=0.05)
    watched.wait()
    assert str(failure) in caplog.text


def test_an_idle_thread_stops_at_once_and_asks_little(monkeypatch):
    asked = threading.Event()
    rounds = []
    monkeypatch.setattr("jobs.worker.scheduler.seconds_until_due", lambda: (rounds.append(1), asked.set())[0])
    thread = Scheduler(60.0)
    thread.start()
    assert asked.wait(30)
    thread.stop()
    thread.join(5)
    assert not thread.is_alive() and len(rounds) == 1


def test_synchronizing_at_the_same_time_makes_one_row(register):  # noqa: F811 (a fixture)
    from jobs.scheduling.synchronizing import synchronize

    register("ring", lambda ctx: None, schedule="@hourly")
    together = threading.Barrier(4, timeout=60)

    def migrate():
        together.wait()
        return synchronize().added

    added = [result() for result in [beside(migrate) for _ in range(4)]]
    assert sorted(added) == [[], [], [], ["ring"]] and Schedule.objects.get().name == "ring"

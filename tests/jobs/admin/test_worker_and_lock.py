import re
from datetime import timedelta

from django.utils.timezone import now

from jobs.models import AuditEntry, Job, ProcessingLock, Supervisor, Worker
from tests.jobs.rows import new_job, start


def worker(name, heartbeat=timedelta(0), **fields):
    return Worker.objects.create(
        id=name, hostname="host", pid=1, queues=["default"], concurrency=5, heartbeat_at=now() - heartbeat, **fields
    )


def test_workers_are_alive_silent_or_stopped(operator):
    worker("a")
    worker("b", timedelta(minutes=5))
    worker("c", timedelta(minutes=5), stopped_at=now())
    states = {row.pk: row.condition for row in operator.get("/admin/jobs/worker/").context["cl"].result_list}
    assert states == {"a": "alive", "b": "silent", "c": "stopped"}
    silent = operator.get("/admin/jobs/worker/", {"state": "silent"}).context["cl"].result_list
    assert [row.pk for row in silent] == ["b"]


def test_worker_page_shows_the_jobs_it_holds(operator):
    job = new_job()
    worker("host:with/odd@name")
    start(job, "host:with/odd@name")
    listed = operator.get("/admin/jobs/worker/")
    assert listed.status_code == 200
    page = operator.get("/admin/jobs/worker/host_3Awith_2Fodd_40name/change/")
    assert str(job.pk) in page.content.decode()


def test_released_job_runs_again_and_its_worker_is_fenced_off(operator):
    job = new_job()
    lock = start(job)
    page = operator.get(f"/admin/jobs/processinglock/{job.pk}/release/")
    form = {"lock_token": page.context["form"]["lock_token"].value(), "reason": "stuck"}
    text = operator.post(f"/admin/jobs/processinglock/{job.pk}/release/", form, follow=True).content.decode()
    job.refresh_from_db()
    assert (job.status, job.retry_count) == ("pending", 1)
    assert job.error_history[0]["error_class"] == "LockReleased" and job.error_history[0]["worker"] == lock.worker_id
    assert not ProcessingLock.objects.exists()
    entry = AuditEntry.objects.get(target_id=str(job.pk))
    assert (entry.action, entry.reason, entry.details["worker"]) == ("release", "stuck", "worker-1")
    assert "The lock is released" in text


def test_released_job_without_retries_is_a_dead_letter(operator):
    job = new_job(max_retries=0)
    lock = start(job)
    operator.post(f"/admin/jobs/processinglock/{job.pk}/release/", {"lock_token": lock.lock_token})
    assert Job.objects.get(pk=job.pk).status == "dead_letter"


def test_release_leaves_a_newer_lock_alone(operator):
    job = new_job()
    lock = start(job)
    form = {"lock_token": lock.lock_token - 1}
    text = operator.post(f"/admin/jobs/processinglock/{job.pk}/release/", form, follow=True).content.decode()
    assert "Another worker holds this job now" in text
    assert Job.objects.get(pk=job.pk).status == "processing"
    assert not AuditEntry.objects.exists()


def test_lock_list_tells_held_from_expired(operator):
    held, expired = new_job(), new_job()
    start(held)
    start(expired)
    ProcessingLock.objects.filter(job=expired).update(expires_at=now() - timedelta(seconds=1))
    rows = operator.get("/admin/jobs/processinglock/", {"state": "expired"}).context["cl"].result_list
    assert [row.pk for row in rows] == [expired.pk]


def test_lock_of_a_job_that_is_gone_is_still_listed(operator):
    ProcessingLock.objects.create(job_id="01900000-0000-7000-8000-000000000000", worker_id="w", expires_at=now())
    assert operator.get("/admin/jobs/processinglock/").status_code == 200


def test_supervisors_say_what_they_have_and_why(operator):
    numbers = {"least": 1, "most": 10, "target": 3, "actual": 3, "draining": 1, "reason": "15 of 15 slots are taken"}
    Supervisor.objects.create(id="host:1:abcd", hostname="host", pid=1, heartbeat_at=now(), **numbers)
    Supervisor.objects.create(id="host:2:beef", hostname="host", pid=2, heartbeat_at=now(), stopped_at=now(), **numbers)
    worker("host:3:cafe", supervisor="host:1:abcd")
    alive = operator.get("/admin/jobs/supervisor/", {"state": "alive"})
    assert [row.pk for row in alive.context["cl"].result_list] == ["host:1:abcd"]
    for words in ("3 of 3, 1 ending", "1 to 10", "15 of 15 slots are taken"):
        assert words in alive.content.decode()
    assert "host:3:cafe" in operator.get("/admin/jobs/supervisor/host_3A1_3Aabcd/change/").content.decode()
    page = operator.get("/admin/jobs/worker/host_3A3_3Acafe/change/").content.decode()
    (link,) = re.findall(r'href="(/admin/jobs/supervisor/[^"]+)"', page.split("<main")[1])
    assert "15 of 15 slots are taken" in operator.get(link, follow=True).content.decode()


def test_a_worker_is_drained_with_a_reason_and_only_while_it_hears_of_it(operator):
    alive, quiet, silent = worker("a"), worker("b", wish="quiet"), worker("c", timedelta(minutes=5))
    assert "Drain…" in operator.get(f"/admin/jobs/worker/{alive.pk}/change/").content.decode()
    assert "cannot be taken back" in operator.get(f"/admin/jobs/worker/{alive.pk}/drain/").content.decode()
    text = operator.post(f"/admin/jobs/worker/{alive.pk}/drain/", {"reason": "a new kernel"}, follow=True)
    assert "badge-draining" in text.content.decode() and "a new kernel" in text.content.decode()
    assert "Drain…" not in text.content.decode()
    operator.post(f"/admin/jobs/worker/{quiet.pk}/wake/", {})
    refused = operator.post(f"/admin/jobs/worker/{silent.pk}/drain/", {}, follow=True).content.decode()
    assert "would not hear of this" in refused
    assert dict(Worker.objects.values_list("pk", "wish")) == {"a": "drain", "b": "", "c": ""}
    assert set(AuditEntry.objects.values_list("target_id", "action")) == {("a", "drain"), ("b", "wake")}


def test_the_list_tells_what_each_does_and_how_it_is(operator):
    row = worker("a", clock_offset=-2.4, release="9f8e7d6c5b4a", running=2)
    for _ in range(2):
        start(new_job(), row.pk)
    text = operator.get("/admin/jobs/worker/").content.decode()
    assert "summarize × 2" in text and "-2.4 s" in text and "9f8e7d6c" in text and "2 of 5" not in text
    assert "of 5 slots busy" in text

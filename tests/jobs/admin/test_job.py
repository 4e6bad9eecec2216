from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.timezone import now

from jobs.models import AuditEntry, BulkOperation, Job
from tests.jobs.rows import dead_letter, fail, finish, new_job, start

LIST = "/admin/jobs/job/"


def page(client, url, **params):
    response = client.get(url, params)
    assert response.status_code == 200, (url, response.status_code)
    return response.content.decode()


def url(job, act="change"):
    return reverse(f"admin:jobs_job_{act}", args=[str(job.pk)])


def rows(client, **params):
    return {row.pk for row in client.get(LIST, params).context["cl"].result_list}


def test_page_tells_the_life_of_a_job(operator):
    job = fail(new_job(tags=["nightly"], unique_key="k"), message="it broke")
    text = page(operator, url(job))
    assert "Attempt 1" in text and "it broke" in text and "Traceback (most recent call last)" in text
    assert "&quot;article_id&quot;: &quot;a-1&quot;" in text
    assert "nightly" in text and "Submitted" in text
    assert "Attempt 1 failed" in text and "Waiting for the next attempt" in text


def test_page_escapes_what_jobs_carry(operator):
    canary = "<script>alert(1)</script>"
    job = fail(new_job(payload={"a": canary}, tags=[canary], project_name=canary), canary, canary, traceback=canary)
    dead = fail(job, canary, canary, retryable=False, traceback=canary)
    letter = dead.dead_letters.get()
    addresses = [url(job), LIST, "/admin/jobs/deadletter/", "/admin/jobs/deadlettergroup/", "/admin/"]
    for address in [*addresses, reverse("admin:jobs_deadletter_change", args=[letter.pk])]:
        text = page(operator, address)
        assert canary not in text
        assert "&lt;script&gt;alert(1)" in text


def test_page_shows_only_the_beginning_of_a_long_payload(operator):
    text = page(operator, url(new_job(payload={"text": "x" * 200_000})))
    assert "Only the beginning is shown" in text
    assert len(text) < 100_000


def test_page_survives_a_number_that_python_refuses(operator):
    job = new_job()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job_queue SET payload = jsonb_build_object('n', repeat('9', 5000)::numeric) WHERE id = %s", [job.pk]
        )
    text = page(operator, url(job))
    assert "cannot be read as JSON here" in text and "9" * 5000 in text


def test_unknown_id_leads_back_to_the_list(operator):
    response = operator.get(f"{LIST}00000000-0000-7000-8000-000000000000/change/", follow=True)
    assert "There is no job" in response.content.decode()
    assert operator.get(f"{LIST}nonsense/change/").status_code == 302


def test_deleted_jobs_are_hidden_and_restored(operator):
    job = finish(new_job(is_deleted=True))
    assert rows(operator) == set() and rows(operator, deleted="yes") == {job.pk}
    page = operator.get(url(job)).content.decode()
    assert "It is deleted" in page and "Restore…" in page and "Run again…" not in page
    page = operator.post(f"{LIST}{job.pk}/restore/", {"reason": "by mistake"}, follow=True).content.decode()
    assert "The job is restored." in page and "Restore…" not in page and "by mistake" in page
    assert rows(operator) == {job.pk} and rows(operator, deleted="yes") == set()


def test_new_facts_are_told_in_words(operator):
    later = now() + timedelta(hours=2)
    job = new_job(
        waits_for="jobs", expires_at=later, unique_key="a", unique_until=later, unique_states=["pending", "failed"],
        concurrency_key="mail", concurrency_limit=3, rate_limit="60/m",
    )  # fmt: skip
    page = operator.get(url(job)).content.decode()
    for words in (
        "Waits for other jobs",
        ", if it has not started",
        "<code>a</code>, while pending or failed, until <time",
        "<code>mail</code>, at most 3 at once, at most 60/m started",
    ):
        assert words in page, words
    assert "for other jobs" in operator.get(LIST).content.decode()


def test_filters(operator):
    pending, done = new_job(queue="slow"), finish(new_job("validate_summary"))
    assert rows(operator, status="completed") == {done.pk}
    assert rows(operator, type="validate_summary") == {done.pk}
    assert rows(operator, queue="slow") == {pending.pk}
    assert rows(operator, window="1h") == {pending.pk, done.pk}
    assert rows(operator, status="no such status") == set()


def test_window_is_a_bound_on_the_id(operator):
    old = new_job(id="01900000-0000-7000-8000-000000000000")
    new = new_job()
    assert rows(operator, window="7d") == {new.pk}
    assert rows(operator) == {old.pk, new.pk}


def test_search_finds_an_id_its_beginning_and_a_tag(operator):
    job, other = new_job(tags=["abc123", "nightly"]), new_job()
    assert rows(operator, q=str(job.pk)) == {job.pk}
    assert rows(operator, q=str(job.pk)[:8]) >= {job.pk, other.pk}
    assert rows(operator, q="nightly") == {job.pk}
    assert rows(operator, q="tag:abc123") == {job.pk}
    assert rows(operator, q="tag:night") == set()


def test_cancel_asks_first_and_is_recorded(operator):
    job = new_job()
    assert "Cancel" in page(operator, url(job, "cancel"))
    assert Job.objects.get(pk=job.pk).status == "pending"
    response = operator.post(url(job, "cancel"), {"reason": "not needed"}, follow=True)
    assert Job.objects.get(pk=job.pk).status == "cancelled"
    entry = AuditEntry.objects.get(target_id=str(job.pk))
    assert (entry.actor, entry.action, entry.reason) == (operator.user, "cancel", "not needed")
    assert "not needed" in response.content.decode()


@pytest.mark.parametrize("act", ["cancel", "retry", "priority"])
def test_refusal_names_the_current_state(operator, act):
    job = finish(new_job())
    form = {"priority": 9, "expected_version": job.version}
    text = operator.post(url(job, act), form, follow=True).content.decode()
    assert "its status is completed" in text
    assert not AuditEntry.objects.exists()


def test_retry_of_a_dead_letter_names_its_state_and_the_way(operator):
    job = dead_letter().original_job
    text = operator.post(url(job, "retry"), follow=True).content.decode()
    assert "its status is dead_letter" in text and "Redrive" in text


def test_priority_is_changed_with_a_reason(operator):
    job = new_job()
    operator.post(url(job, "priority"), {"priority": 9, "expected_version": job.version, "reason": "urgent"})
    assert Job.objects.get(pk=job.pk).priority == 9
    assert AuditEntry.objects.get(target_id=str(job.pk)).reason == "urgent"


def test_priority_out_of_range_is_said_at_the_field(operator):
    job = new_job()
    response = operator.post(url(job, "priority"), {"priority": 101, "expected_version": job.version})
    assert "less than or equal to 100" in response.content.decode()


def test_priority_does_not_overwrite_a_newer_change(operator):
    job = new_job()
    Job.objects.filter(pk=job.pk).update(priority=2)
    form = {"priority": 9, "expected_version": job.version}
    assert "changed in the meantime" in operator.post(url(job, "priority"), form, follow=True).content.decode()
    assert Job.objects.get(pk=job.pk).priority == 2


def test_ticked_jobs_are_cancelled_after_a_question(operator):
    jobs = [new_job() for _ in range(3)]
    ticked = [str(job.pk) for job in jobs[:2]]
    question = operator.post(LIST, {"action": "cancel", "_selected_action": ticked, "index": 0})
    assert "2 jobs, those you ticked" in question.content.decode()
    context = question.context
    form = {"id": [str(pk) for pk in context["ids"]], "upto": str(context["upto"]), "reason": "stop"}
    answer = operator.post(context["here"], form, follow=True).content.decode()
    assert "2 jobs done" in answer
    assert {job.pk for job in Job.objects.filter(status="cancelled")} == {job.pk for job in jobs[:2]}
    assert AuditEntry.objects.filter(action="cancel", reason="stop").count() == 2


def ticked(operator, act, jobs, **chosen):
    question = operator.post(LIST, {"action": act, "_selected_action": [str(job.pk) for job in jobs], "index": 0})
    form = {"id": [str(pk) for pk in question.context["ids"]], "upto": str(question.context["upto"]), **chosen}
    return operator.post(question.context["here"], form, follow=True).content.decode()


def test_all_that_the_filter_finds_becomes_an_operation(operator):
    for _number in range(3):
        new_job(queue="slow")
    new_job()
    question = operator.get(f"{LIST}many/cancel/?queue=slow").content.decode()
    assert "3 jobs, all that the filter finds" in question
    operator.post(f"{LIST}many/cancel/all/?queue=slow", {"reason": "too late"})
    operation = BulkOperation.objects.get()
    assert (operation.action, operation.selector, operation.matched) == ("cancel", {"filter": {"queue": "slow"}}, 3)
    assert not Job.objects.filter(status="cancelled").exists(), "it is a job that does it"


def test_those_that_cannot_be_acted_on_are_named(operator):
    done, waiting = finish(new_job()), new_job()
    text = ticked(operator, "cancel", [done, waiting])
    assert "1 job done, 1 left alone" in text
    assert f"{done.pk}: Cannot cancel it: its status is completed." in text
    assert Job.objects.get(pk=waiting.pk).status == "cancelled"


def test_priority_and_deletion_of_many(operator):
    jobs = [new_job() for _ in range(2)]
    ticked(operator, "priority", jobs, priority=8)
    assert {job.priority for job in Job.objects.filter(pk__in=[job.pk for job in jobs])} == {8}
    assert "2 jobs done" in ticked(operator, "delete", jobs, reason="twice there")
    assert rows(operator) == set() and rows(operator, deleted="yes") == {job.pk for job in jobs}


def test_forged_key_is_a_bad_request(operator):
    new_job()
    assert operator.post(f"{LIST}many/cancel/", {"upto": "x"}).status_code == 400


def test_running_job_links_to_its_lock(operator):
    job = new_job()
    start(job, "host:1")
    text = page(operator, url(job))
    assert "host:1" in text and reverse("admin:jobs_processinglock_change", args=[str(job.pk)]) in text


@pytest.mark.parametrize("ticked", [True, False])
def test_a_wrong_form_for_many_asks_again_about_the_same_rows(operator, ticked):
    jobs = [new_job() for _ in range(2)]
    only = [str(jobs[0].pk)] if ticked else []
    form = {"id": only, "upto": str(jobs[1].pk), "priority": 101}
    again = operator.post(f"{LIST}many/priority/", form)
    text = again.content.decode()
    assert "less than or equal to 100" in text
    assert ("1 job, those you ticked" if ticked else "2 jobs, all that the filter finds") in text
    assert [str(pk) for pk in again.context["ids"] or []] == only

from datetime import timedelta

import pytest
from django.utils.timezone import now

from jobs.bulk.selecting import Selection
from jobs.models import AuditEntry, BulkOperation, Queue, QueueMinute, Worker
from tests.jobs.rows import new_job, start

LIST = "/admin/jobs/queue/"


def test_list_shows_what_waits_even_without_a_row(operator):
    new_job(queue="mail")
    text = operator.get(LIST).content.decode()
    assert "mail" in text and "Pause" in text
    assert not Queue.objects.exists()


def test_pause_and_resume_with_a_reason(operator):
    new_job(queue="mail")
    assert operator.get(f"{LIST}mail/pause/").status_code == 200
    text = operator.post(f"{LIST}mail/pause/", {"reason": "provider down"}, follow=True).content.decode()
    assert "provider down" in text and "Resume" in text
    assert Queue.objects.get(pk="mail").paused
    operator.post(f"{LIST}mail/resume/", {"reason": "back"})
    assert not Queue.objects.get(pk="mail").paused
    assert list(AuditEntry.objects.order_by("id").values_list("action", "reason")) == [
        ("pause", "provider down"),
        ("resume", "back"),
    ]


@pytest.mark.parametrize("name", ["no good name", "a" * 65, "%00"])
def test_a_name_that_no_queue_can_have(operator, name):
    assert operator.get(f"{LIST}{name}/change/").status_code in {302, 400}
    assert operator.post(f"{LIST}{name}/pause/").status_code in {302, 400}
    assert not Queue.objects.exists()


def configure(operator, **rules):
    form = {"concurrency_limit": "", "rate_limit": "", "reason": "", **rules}
    return operator.post(f"{LIST}mail/configure/", form, follow=True).content.decode()


def test_rules_are_set_and_taken_away(operator):
    text = configure(operator, concurrency_limit="3", rate_limit="60/m", fair="on", reason="their API is slow")
    assert "The rules of the queue are set." in text and "their API is slow" in text
    queue = Queue.objects.get(pk="mail")
    assert (queue.concurrency_limit, queue.rate_limit, queue.fair) == (3, "60/m", True)
    for page in (text, operator.get(LIST).content.decode()):
        assert "at most 3 at once, at most 60/m started, users take turns" in page
    form = operator.get(f"{LIST}mail/configure/").content.decode()
    assert 'value="60/m"' in form and 'value="3"' in form and "checked" in form
    configure(operator)
    queue.refresh_from_db()
    assert (queue.concurrency_limit, queue.rate_limit, queue.fair) == (None, None, False)
    entry = AuditEntry.objects.order_by("id").first()
    assert (entry.action, entry.details["after"]["rate_limit"]) == ("configure", "60/m")


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"concurrency_limit": "0"}, "greater than or equal to 1"),
        ({"rate_limit": "often"}, "Must be a rate like"),
        ({"rate_limit": "1/32d"}, "Must be a rate like"),
    ],
)
def test_rules_that_cannot_be(operator, rules, complaint):
    text = configure(operator, **rules)
    assert complaint in text and "errorlist" in text
    assert not Queue.objects.exists()


def test_a_pause_with_an_end(operator):
    new_job(queue="mail")
    assert "Say until when." in operator.post(f"{LIST}mail/pause/", {"length": "until"}).content.decode()
    gone = {"length": "until", "resume_at": "2001-01-01T00:00:00"}
    assert "This has passed already." in operator.post(f"{LIST}mail/pause/", gone).content.decode()
    assert not Queue.objects.exists()
    text = operator.post(f"{LIST}mail/pause/", {"length": "3600", "reason": "upgrade"}, follow=True).content.decode()
    assert "Resumes by itself" in text and operator.user.user_id in text
    left = Queue.objects.get(pk="mail").resume_at - now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert "resumes" in operator.get(LIST).content.decode()


def test_all_queues_are_paused_and_resumed_at_once(operator):
    new_job(queue="mail")
    question = operator.get(f"{LIST}pause-all/").content.decode()
    assert "mail" in question and "queues:" in question
    text = operator.post(f"{LIST}pause-all/", {"length": "", "reason": "the database moves"}, follow=True).content
    assert "queues are paused." in text.decode() and Queue.objects.get(pk="mail").paused_reason == "the database moves"
    assert "No queue is open." in operator.get(f"{LIST}pause-all/").content.decode()
    text = operator.post(f"{LIST}resume-all/", {"reason": "it has moved"}, follow=True).content.decode()
    assert "queues run again." in text and not Queue.objects.filter(paused=True).exists()


def test_a_purge_wants_the_name_typed_and_leaves_what_comes_later(operator):
    waits, other = new_job(queue="mail"), new_job(queue="other")
    page = operator.get(f"{LIST}mail/purge/")
    assert "1 job waits in this queue." in page.content.decode()
    form = {"what": "cancel", "before": page.context["form"]["before"].value(), "reason": "a loop", "typed": "male"}
    later = new_job(queue="mail")
    wrong = operator.post(f"{LIST}mail/purge/", form).content.decode()
    assert "This is not the name of this queue." in wrong and not BulkOperation.objects.exists()
    response = operator.post(f"{LIST}mail/purge/", {**form, "typed": "mail"})
    operation = BulkOperation.objects.get()
    assert str(operation.pk) in response.url and operator.get(response.url).status_code == 200
    found = set(Selection.of(operation).rows().values_list("pk", flat=True))
    assert found == {waits.pk} and not found & {other.pk, later.pk}
    assert (operation.action, operation.reason, operation.actor_name) == ("cancel", "a loop", operator.user.user_id)


def test_a_queue_shows_how_it_goes(operator):
    job = start(new_job(queue="mail")).job
    waits = new_job(queue="mail", job_type="extract_content")
    Worker.objects.create(id="relay-1", hostname="relay-1", pid=1, queues=["mail"], concurrency=4)
    Worker.objects.create(id="relay-2", hostname="relay-2", pid=1, queues=["other"], concurrency=9)
    minute = now().replace(second=0, microsecond=0)
    for ago in range(12):
        at = minute - timedelta(minutes=ago)
        figures = {"grain": 1, "at": at, "samples": 2, "seconds": 60.0, "waits": [30], "completed": 20}
        QueueMinute.objects.create(queue="", **figures, depth=100)
        QueueMinute.objects.create(queue="mail", **figures, depth=10 * ago)
    page = operator.get(f"{LIST}mail/change/")
    text = page.content.decode()
    assert str(job.pk)[-10:] in text and str(waits.pk)[-10:] in text and "running of 4" in text
    assert page.context["types"] == [("extract_content", 1)] and "Ended attempts" in text
    lane = page.context["lane"]
    assert (lane.most, lane.utilisation) == (4, 25)
    # Ten fewer a minute: thirty begun, twenty new ones.
    assert lane.flow.out == 30 and lane.flow.into == pytest.approx(20) and lane.drains_in == pytest.approx(6)
    listed = operator.get(LIST).content.decode()
    assert "20 in, 30 out a minute" in listed and "sparkline" in listed
    assert operator.get(f"{LIST}mail/change/", {"range": "7d"}).status_code == 200

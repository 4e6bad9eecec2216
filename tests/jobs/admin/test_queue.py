import pytest

from jobs.models import AuditEntry, Queue
from tests.jobs.rows import new_job

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

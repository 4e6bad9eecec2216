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

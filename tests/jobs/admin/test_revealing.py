"""Secret fields in the console: masked for everybody, revealed once to those who may, for a reason that is kept."""

import pytest
from django.utils.html import escape

from jobs.models import AuditEntry, DeadLetter, Job, Schedule, Session
from jobs.secret_fields import CHANGED, MASK
from tests.jobs.rows import dead_letter, new_job
from tests.jobs.secretive import PAYLOAD, SCHEMA, SECRET, secretive

pytestmark = pytest.mark.django_db
HOURLY = {"type": "timedelta", "seconds": 3600}


@pytest.fixture
def kind():
    with secretive() as name:
        yield name


@pytest.fixture
def job(kind):
    return new_job(kind, payload=PAYLOAD)


def page(client, *path):
    return client.get("/".join(("/admin/jobs", *map(str, path), ""))).content.decode()


def secret_rows(kind):
    letter = dead_letter(new_job(kind, payload=PAYLOAD))
    schedule = Schedule.objects.create(name="hourly", job_type=kind, schedule_interval=HOURLY, payload=PAYLOAD)
    session = Session.objects.create(language_title=f"python-{kind}", context=PAYLOAD, expires_at="2099-01-01T00:00Z")
    return [
        ("job", letter.original_job_id),
        ("deadletter", letter.pk),
        ("schedule", schedule.pk),
        ("session", session.pk),
    ]


def test_every_page_with_a_payload_masks_it_and_reveals_it_once_for_a_reason(operator, viewer, kind):
    for model, pk in secret_rows(kind):
        for client, offered in ((operator, True), (viewer, False)):
            shown = page(client, model, pk, "change")
            assert SECRET not in shown
            assert MASK in shown
            assert (f"/admin/jobs/{model}/{pk}/reveal/" in shown) is offered
        address = f"/admin/jobs/{model}/{pk}/reveal/"
        assert SECRET not in operator.get(address).content.decode()
        assert SECRET not in operator.post(address, {"reason": ""}).content.decode()
        revealed = operator.post(address, {"reason": "a customer asked"})
        assert SECRET in revealed.content.decode()
        assert "no-store" in revealed["Cache-Control"]
        assert viewer.post(address, {"reason": "curious"}).status_code == 403
        entry = AuditEntry.objects.get(action="reveal", target_id=str(pk))
        assert (entry.actor, entry.reason) == (operator.user, "a customer asked")
        assert SECRET not in str(entry.details)
    assert SECRET not in page(operator, "auditentry")


def test_where_nothing_is_masked_nothing_is_asked_and_nothing_written(operator, kind):
    job = new_job("summarize")
    answer = operator.post(f"/admin/jobs/job/{job.pk}/reveal/", {"reason": "x"}, follow=True)
    assert "Nothing is masked here." in answer.content.decode()
    assert not AuditEntry.objects.exists()


def test_a_redrive_with_an_edited_payload_keeps_the_secret_that_was_left_alone(operator, kind):
    letter = dead_letter(new_job(kind, payload=PAYLOAD))
    edit = f'{{"url": "https://other.example/", "token": "{MASK}"}}'
    asked = operator.post(f"/admin/jobs/deadletter/{letter.pk}/preview/", {"payload": edit}).content.decode()
    assert SECRET not in asked
    assert "other.example" in asked
    operator.post(f"/admin/jobs/deadletter/{letter.pk}/preview/", {"payload": edit, "confirm": "yes"})
    expected = {"url": "https://other.example/", "token": SECRET}
    assert Job.objects.get(pk=letter.original_job_id).payload == expected
    assert DeadLetter.objects.get(pk=letter.pk).redriven_payload == expected
    assert SECRET not in str(list(AuditEntry.objects.values_list("details", flat=True)))


def test_a_new_secret_is_shown_as_changed_and_is_taken(operator, kind):
    letter = dead_letter(new_job(kind, payload=PAYLOAD))
    edit = '{"url": "https://example.org/", "token": "brand-new-secret"}'
    asked = operator.post(f"/admin/jobs/deadletter/{letter.pk}/preview/", {"payload": edit}).content.decode()
    diff = asked.split('id="diff"')[1].split("</section>")[0]
    assert CHANGED in diff
    assert "brand-new-secret" not in diff
    operator.post(f"/admin/jobs/deadletter/{letter.pk}/preview/", {"payload": edit, "confirm": "yes"})
    assert Job.objects.get(pk=letter.original_job_id).payload["token"] == "brand-new-secret"
    after = page(operator, "deadletter", letter.pk, "change")
    assert CHANGED in after
    assert "brand-new-secret" not in after


def test_a_mask_in_a_place_of_its_own_is_refused_in_words(operator, kind):
    letter = dead_letter(new_job(kind, payload={"token": SECRET, "url": "u"}))
    DeadLetter.objects.filter(pk=letter.pk).update(payload={"url": "u"})
    edit = f'{{"url": "u", "token": "{MASK}"}}'
    answer = operator.post(f"/admin/jobs/deadletter/{letter.pk}/preview/", {"payload": edit}).content.decode()
    assert escape("/token: stands for a secret value that is not known here") in answer


def test_a_schedule_is_edited_without_seeing_its_secret(operator, kind):
    schedule = Schedule.objects.create(name="hourly", job_type=kind, schedule_interval=HOURLY, payload=PAYLOAD)
    form = operator.get(f"/admin/jobs/schedule/{schedule.pk}/edit/").content.decode()
    assert SECRET not in form
    assert MASK in form


def test_what_does_not_fit_the_schema_is_told_without_the_value(kind):
    from jobs.registry import registry

    violations = registry.get(kind).validator.violations({"token": ["not", SECRET]})
    assert [violation.pointer for violation in violations] == ["/token"]
    assert SECRET not in str(violations)
    assert SCHEMA["properties"]["token"]["x-secret"] is True

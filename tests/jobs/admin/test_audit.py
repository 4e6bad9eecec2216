"""The audit log's page: found by who, what, to what and when; what was changed side by side; taken away as a file."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils.timezone import now

from jobs import queues
from jobs.models import AuditEntry
from tests.jobs.admin.conftest import client_of
from tests.jobs.rows import new_job

pytestmark = pytest.mark.django_db
LIST = "/admin/jobs/auditentry/"


@pytest.fixture
def entries(operator):
    other = client_of("admin").user
    queues.pause("imports", operator.user, "too slow")
    queues.configure("imports", other, "calmer", concurrency_limit=2)
    queues.configure("imports", other, "=SUM(A1)", concurrency_limit=4)
    return {entry.reason: entry for entry in AuditEntry.objects.all()}


def found(client, **query):
    answer = client.get(LIST, query)
    return {entry.reason for entry in answer.context["cl"].result_list}


def test_entries_are_found_by_actor_act_target_and_time(operator, entries):
    assert found(operator, who="operator-1") == {"too slow"}
    assert found(operator, who="operator") == set()
    assert found(operator, action="configure") == {"calmer", "=SUM(A1)"}
    assert found(operator, q="imports", action="pause") == {"too slow"}
    assert found(operator, q="nothing") == set()
    soon, before = (now() + timedelta(hours=1)).isoformat(), (now() - timedelta(hours=1)).isoformat()
    assert found(operator, since=before, until=soon) == set(entries)
    assert found(operator, since=soon) == found(operator, until=before) == found(operator, since="rubbish") == set()


def test_the_boxes_keep_what_was_typed_and_chosen(operator, entries):
    page = operator.get(LIST, {"who": "operator-1", "action": "pause"}).content.decode()
    assert 'name="who" value="operator-1"' in page
    assert '<input type="hidden" name="action" value="pause">' in page


def test_an_entry_shows_what_was_before_and_after(viewer, entries):
    page = viewer.get(f"{LIST}{entries['=SUM(A1)'].pk}/change/").content.decode()
    row = page.split('<th scope="row">concurrency_limit</th>')[1].split("</tr>")[0]
    assert row.index("2") < row.index("4")


def test_what_is_found_is_taken_as_a_file_that_no_program_runs_and_that_is_written_down(operator, entries):
    def export(form, query=""):
        answer = operator.post(f"{LIST}export/?{query}", {"format": form})
        assert "no-store" in answer["Cache-Control"]
        return answer.getvalue().decode()

    rows = list(csv.DictReader(io.StringIO(export("csv", "action=configure"))))
    assert [row["reason"] for row in rows] == ["'=SUM(A1)", "calmer"]
    assert json.loads(rows[0]["details"])["after"] == {"concurrency_limit": 4}
    lines = [json.loads(line) for line in export("ndjson").splitlines()]
    assert {line["reason"] for line in lines} >= set(entries)
    taken = AuditEntry.objects.filter(action="export").values_list("target_type", "actor__user_id")
    assert set(taken) == {("audit entry", "operator-1")}


def test_an_export_is_asked_for_by_post_and_in_a_known_form(operator):
    assert operator.get(f"{LIST}export/").status_code == 405
    assert operator.post(f"{LIST}export/", {"format": "exe"}).status_code == 403


def test_entries_stay_as_they_are(operator, entries):
    for change in (lambda rows: rows.update(reason="another"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(AuditEntry.objects.all())
    assert operator.post(f"{LIST}{entries['calmer'].pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_actors_and_targets_lead_to_their_pages(operator, entries):
    job = new_job()
    operator.post(f"/admin/jobs/job/{job.pk}/cancel/", {"reason": "why"})
    assert reverse("admin:jobs_job_change", args=[job.pk]) in operator.get(LIST).content.decode()

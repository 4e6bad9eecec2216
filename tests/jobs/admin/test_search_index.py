"""The page that tells how search stands, and what the engine would not take."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from jobs.models import AuditEntry, SavedSearch, SearchIndex, SearchRejection
from tests import fault_proxy
from tests.jobs.rows import new_job
from tests.jobs.search.indexed import indexed  # noqa: F401 (a fixture)

PAGE = "/admin/jobs/searchindex/"
ASIDE = "/admin/jobs/searchrejection/"


def page(client, address=PAGE):
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def reject(job, minutes=60):
    return SearchRejection.objects.create(
        job_id=job.pk,
        version=3,
        error_message="mapper_parsing <b>",
        tries=2,
        retry_at=now() + timedelta(minutes=minutes),
    )


def test_without_an_engine_it_says_how_one_is_switched_on(operator):
    text = page(operator)
    assert "PostgreSQL answers every search" in text and "ELASTICSEARCH_URL" in text and "search enable" in text


def test_an_engine_that_nothing_was_sent_to_waits_to_be_switched_on(operator, search_engine):
    text = page(operator)
    assert "search is not switched on yet" in text and ("OpenSearch" in text or "Elasticsearch" in text)


def test_it_tells_of_the_engine_its_indexes_and_their_drift(operator, indexed):  # noqa: F811
    new_job()
    indexed.send()
    SearchIndex.objects.filter(name=indexed.index).update(reconciled_at=now(), missing=3, stale=1200, orphaned=0)
    building = indexed.server.new_index(2)
    SearchIndex.objects.create(name=building, mapping_version=0, loaded=250_000, expected=1_000_000)
    text = page(operator)
    assert "<dt>Documents</dt><dd>1</dd>" in text and indexed.index in text and "1,200" in text
    assert '<progress max="100" value="25">' in text and "250,000 of about 1,000,000" in text
    assert "of another mapping" in text and "PostgreSQL, until the first index is loaded" not in text
    assert "Serves since" in page(operator, f"{PAGE}{indexed.index}/change/")


def test_an_engine_that_is_away_is_told_and_the_page_is_there(operator, indexed, faulty_engine):  # noqa: F811
    faulty_engine.fail(fault_proxy.unavailable)
    text = page(operator)
    assert "does not answer, and PostgreSQL does in its place" in text and indexed.index in text


def test_what_was_refused_is_listed_with_its_error_and_tried_again(operator):
    job = new_job()
    reject(job)
    for text in (page(operator), page(operator, ASIDE)):
        assert str(job.pk) in text and "mapper_parsing &lt;b&gt;" in text
    answer = operator.post(f"{ASIDE}{job.pk}/again/", {"reason": "fixed"}, follow=True).content.decode()
    assert "It is sent once more." in answer
    assert SearchRejection.objects.get().retry_at <= now()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target_id, entry.reason) == ("resend", str(job.pk), "fixed")
    assert page(operator, f"/admin/jobs/auditentry/{entry.pk}/change/")
    gone = operator.post(f"{ASIDE}{new_job().pk}/again/", follow=True).content.decode()
    assert "There is no search rejection" in gone


def test_all_of_them_are_tried_again(operator):
    jobs = [new_job() for _ in range(3)]
    for job in jobs:
        reject(job)
    question = operator.get(f"{ASIDE}many/again/")
    assert "3 search rejections" in question.content.decode()
    operator.post(question.context["here"], {"upto": str(question.context["upto"])})
    assert SearchRejection.objects.filter(retry_at__lte=now()).count() == 3


def test_viewers_see_it_all_and_no_button(viewer):
    job = new_job()
    reject(job)
    assert "Try again…" not in page(viewer) and "mapper_parsing" in page(viewer)
    assert viewer.post(f"{ASIDE}{job.pk}/again/").status_code == 403


def test_the_questions_do_not_grow_with_what_lies_aside(operator):
    def number():
        with CaptureQueriesContext(connection) as queries:
            page(operator)
        return len(queries)

    number()
    before = number()
    for _ in range(12):
        reject(new_job())
    assert number() == before
    assert page(operator).count("Try again…") == 10


@pytest.mark.parametrize("address", ["/admin/jobs/job/complete/?q=sta&at=3"])
def test_completions_are_for_staff(operator, viewer, client, address):
    (status, *_) = viewer.get(address).json()["completions"]
    assert status == {"text": "status:", "start": 0, "end": 3, "label": "status", "help": "What has become of it."}
    assert client.get(address).status_code == 302


def test_it_all_works_with_the_rights_of_the_web_process(operator, indexed, handlers_as_app):  # noqa: F811
    job = new_job(project_name="kernel", hostname="build-7")
    reject(job)
    indexed.send()
    assert str(job.pk) in page(operator)
    assert [row.pk for row in operator.get("/admin/jobs/job/?q=project:kernel").context["cl"].result_list] == [job.pk]
    for text in ("project_name:", "user:", "workspace:", "queue:", "type:", "metadata."):
        assert operator.get("/admin/jobs/job/complete/", {"q": text}).status_code == 200
    assert operator.post(f"{ASIDE}{job.pk}/again/").status_code == 302
    form = {"name": "x", "query": "project:kernel", "shared": "on"}
    assert operator.post("/admin/jobs/savedsearch/add/", form).status_code == 302
    saved = SavedSearch.objects.get()
    assert operator.post(f"/admin/jobs/savedsearch/{saved.pk}/delete/").status_code == 302
    assert AuditEntry.objects.count() == 3 and not SavedSearch.objects.exists()

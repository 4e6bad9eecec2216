"""Queries in the box above the list of jobs, answered by PostgreSQL or by a search engine."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import AuditEntry, BulkOperation, Job, SavedSearch
from jobs.search import fallback
from tests import fault_proxy
from tests.jobs.admin.conftest import client_of
from tests.jobs.rows import fail, finish, new_job
from tests.jobs.search.indexed import indexed  # noqa: F401 (a fixture)

LIST = "/admin/jobs/job/"


def asked(client, q, **params):
    response = client.get(LIST, {"q": q, **params})
    assert response.status_code == 200, (q, response.status_code)
    return response


def rows(client, q, **params):
    return {row.pk for row in asked(client, q, **params).context["cl"].result_list}


def text(client, q, **params):
    return asked(client, q, **params).content.decode()


@pytest.fixture
def builds(db):
    """Three projects: the first has failed, the second is done, the third waits."""
    compiler = fail(new_job(project_name="compiler", hostname="build-7", metadata={"cores": 4}), message="Linker died.")
    docs = finish(new_job(project_name="compiler-docs", arch="arm64", tags=["nightly"]))
    return compiler, docs, new_job(project_name="kernel", queue="slow", metadata={"note": "needs the linker"})


def test_queries_find_what_they_mean(operator, builds):
    compiler, docs, kernel = (job.pk for job in builds)
    assert rows(operator, "project_name:compiler*") == {compiler, docs}
    assert rows(operator, "project:compiler* AND NOT status:completed") == {compiler}
    assert rows(operator, "metadata.cores:>=4") == {compiler}
    assert rows(operator, "linker") == {compiler, kernel}
    assert rows(operator, "(queue:slow OR arch:arm64) created_at:>=now-1h") == {docs, kernel}


def test_a_word_is_a_tag_if_some_job_has_it_and_otherwise_looked_for(operator, builds):
    docs = builds[1].pk
    assert rows(operator, "nightly") == {docs}
    assert "Jobs with this tag." in text(operator, "nightly")
    assert rows(operator, '"nightly"') == set()
    new_job(tags=["two words", "x"])
    assert len(rows(operator, "two words")) == len(rows(operator, "x")) == 1
    # A tag does not take a query's place.
    new_job(tags=["status:completed"])
    assert rows(operator, "status:completed") == {docs}


def test_filters_and_the_query_narrow_together(operator, builds):
    _, docs, kernel = (job.pk for job in builds)
    assert rows(operator, "project_name:compiler*", status="completed") == {docs}
    assert rows(operator, "project_name:compiler*", status="no such") == set()
    assert rows(operator, "linker", queue="slow", window="24h") == {kernel}


def test_deleted_jobs_are_found_when_the_query_or_the_filter_asks_for_them(operator, builds):
    Job.objects.filter(pk=builds[0].pk).update(is_deleted=True)
    assert rows(operator, "project:compiler") == set()
    assert rows(operator, "project:compiler", deleted="yes") == {builds[0].pk}
    assert rows(operator, "project:compiler* is_deleted:true") == {builds[0].pk}
    assert rows(operator, "is_deleted:(true OR false)") == {job.pk for job in builds}
    assert rows(operator, "is_deleted:true", deleted="no") == set()


@pytest.mark.parametrize(
    ("q", "words", "marked"),
    [
        ("status:failed AND projct:x", "There is no field", "<mark>projct</mark>"),
        ("status:faild", "status", "<mark>faild</mark>"),
        ("(status:failed", "", ""),
        ("created_at:yesterday", "", "<mark>yesterday</mark>"),
        ("a" * 3000, "", ""),
        ("/regular/", "", ""),
        ("project:*x*y", "", ""),
        ("hostname:bild~1", "", ""),
    ],
)
def test_a_wrong_query_is_told_at_its_place_and_finds_nothing(operator, builds, q, words, marked):
    page = asked(operator, q)
    shown = page.content.decode()
    assert page.context["cl"].error.message and list(page.context["cl"].result_list) == []
    assert 'role="alert"' in shown and words in shown and marked in shown


def test_what_may_have_been_meant_is_a_link(operator, builds):
    (meant,) = asked(operator, "status:completed projct:x").context["cl"].suggestions
    assert meant.text == "project_name"
    assert operator.get(LIST + meant.url).context["cl"].reading.text == "status:completed project_name:x"


def test_markup_in_queries_and_rows_is_text(operator):
    new_job(project_name="<script>alert(1)</script>", metadata={"<b>": "<script>alert(1)</script>"})
    for q in ("<script>alert(1)</script>", '"script>alert"', 'project_name:"<script>alert(1)</script>"'):
        assert "<script>alert" not in text(operator, q)
    assert "&lt;<mark>script&gt;alert</mark>(1)" in text(operator, '"script>alert"')


def test_every_condition_is_a_chip_that_leads_to_the_query_without_it(operator, builds):
    first, second = asked(operator, "project:compiler* AND status:completed", queue="default").context["cl"].chips
    assert (first.text, second.text) == ("project name: compiler*", "status: completed")
    left = operator.get(LIST + second.url)
    assert left.context["cl"].reading.text == "project:compiler*" and left.wsgi_request.GET["queue"] == "default"
    assert operator.get(LIST + asked(operator, "status:failed").context["cl"].chips[0].url).context["cl"].query == ""


def test_values_of_the_page_add_a_condition(operator, builds):
    facets = dict(asked(operator, "status:(completed OR pending)").context["cl"].facets)
    assert {link.text for link in facets["project"]} == {"compiler", "compiler-docs", "kernel"}
    for link in facets["project"]:
        (found,) = operator.get(LIST + link.url).context["cl"].result_list
        assert found.project_name == link.text
    alternatives = dict(asked(operator, "arch:arm64 OR queue:slow").context["cl"].facets)
    (kernel,) = [link for link in alternatives["project"] if link.text == "kernel"]
    assert (
        operator.get(LIST + kernel.url).context["cl"].reading.text == "(arch:arm64 OR queue:slow) project_name:kernel"
    )
    tagged = dict(asked(operator, "nightly").context["cl"].facets)
    assert "project" not in tagged or tagged["project"]


def test_rows_say_where_the_words_were_found(operator, builds):
    shown = text(operator, "linker")
    assert "<mark>Linker</mark> died." in shown and "needs the <mark>linker</mark>" in shown
    assert "metadata.note" in shown


def test_queries_of_the_database_do_not_grow_with_the_rows(operator, builds):
    def number():
        with CaptureQueriesContext(connection) as queries:
            asked(operator, "linker project:compiler")
        return len(queries)

    number()
    before = number()
    for _ in range(5):
        fail(new_job(project_name="compiler"), message="linker")
    assert number() == before


# Acts


def test_an_act_on_all_that_is_found_is_an_operation_with_the_query(operator, builds):
    new_job(project_name="kernel")
    asked = f"{LIST}many/cancel/all/?q=project:kernel&status=pending"
    operator.post(asked, {"reason": "not wanted any more"})
    operation = BulkOperation.objects.get()
    assert operation.selector == {"filter": {"q": "project:kernel", "status": ["pending"]}}
    assert operation.matched == 2


def test_ticked_rows_of_a_query_are_acted_on(operator, builds):
    other = new_job(project_name="kernel")
    ticked = {"action": "cancel", "_selected_action": [str(builds[2].pk)], "index": 0, "select_across": 0}
    question = operator.post(f"{LIST}?q=project:kernel", ticked)
    assert "1 job, those you ticked" in question.content.decode()
    form = {"id": [str(builds[2].pk)], "upto": str(question.context["upto"])}
    operator.post(question.context["here"], form)
    assert set(Job.objects.filter(status="cancelled")) == {builds[2]} and other.status == "pending"


def test_nothing_is_acted_on_when_the_query_is_wrong(operator, builds):
    assert "finds nothing to act on" in operator.get(f"{LIST}many/cancel/", {"q": "projct:x"}).content.decode()
    operator.post(f"{LIST}many/cancel/?q=projct:x", {"upto": str(builds[2].pk), "shown": str(builds[2].pk)})
    assert not Job.objects.filter(status="cancelled").exists()


def test_a_form_names_ids_and_not_too_many(operator, builds):
    address = f"{LIST}many/cancel/?q=project:kernel"
    assert operator.post(address, {"upto": str(builds[2].pk)}).status_code == 400
    assert operator.post(address, {"upto": str(builds[2].pk), "shown": "x"}).status_code == 400
    assert operator.post(address, {"upto": str(builds[2].pk), "shown": f"{builds[2].pk} " * 1001}).status_code == 400


# With an engine


def test_the_engine_answers_and_counts_and_says_as_of_when(operator, builds, indexed):  # noqa: F811
    indexed.send()
    page = asked(operator, "linker")
    shown = page.content.decode()
    assert {row.pk for row in page.context["cl"].result_list} == {builds[0].pk, builds[2].pk}
    assert "Answered by the search engine, as of" in shown and "<mark>Linker</mark> died." in shown
    facets = dict(page.context["cl"].facets)
    assert "status" not in facets and {link.text for link in facets["queue"]} == {"default", "slow"}
    assert {link.text: link.count for link in facets["project"]} == {"compiler": 1, "kernel": 1}


def test_filters_become_conditions_of_what_the_engine_is_asked(operator, builds, indexed):  # noqa: F811
    indexed.send()
    page = asked(operator, "project:compiler*", status="completed")
    assert [row.pk for row in page.context["cl"].result_list] == [builds[1].pk]
    assert page.context["cl"].answer.found.total.value == 1
    assert rows(operator, "linker", queue="slow") == {builds[2].pk}
    assert rows(operator, "hostname:bild-7~1") == {builds[0].pk}


def test_what_the_engine_has_not_heard_of_is_never_shown_wrongly(operator, builds, indexed):  # noqa: F811
    indexed.send()
    Job.objects.filter(pk=builds[0].pk).update(project_name="else")
    assert rows(operator, "project:compiler*") == {builds[1].pk}


def test_more_than_the_engine_is_asked_for_is_said(operator, indexed, monkeypatch):  # noqa: F811
    monkeypatch.setattr("jobs.admin.searching.MOST", 2)
    jobs = [new_job(project_name="many") for _ in range(3)]
    indexed.send()
    assert rows(operator, "project:many") == {jobs[1].pk, jobs[2].pk}
    assert "the newest 2 of 3" in text(operator, "project:many")
    # An operation on all of them asks PostgreSQL, which finds all three.
    operator.post(f"{LIST}many/cancel/all/?q=project:many", {"reason": "not wanted any more"})
    assert BulkOperation.objects.get().matched == 3


def test_while_the_engine_is_away_postgresql_answers_and_says_so(operator, builds, indexed, faulty_engine):  # noqa: F811
    indexed.send()
    faulty_engine.fail(fault_proxy.unavailable)
    shown = text(operator, "linker")
    assert "Answered by PostgreSQL, as of" in shown and "stands in for the search engine" in shown
    assert rows(operator, "linker") == {builds[0].pk, builds[2].pk}
    assert asked(operator, "hostname:bild-7~1").context["cl"].error.code == "unsupported-in-fallback"


def test_a_database_that_answers_enough_searches_asks_to_wait(operator, builds, indexed, faulty_engine, monkeypatch):  # noqa: F811
    faulty_engine.fail(fault_proxy.unavailable)
    monkeypatch.setattr(fallback, "PATIENCE", 0.01)
    free, taken = fallback._places._free, 0
    while free.acquire(blocking=False):
        taken += 1
    try:
        response = operator.get(LIST, {"q": "linker"})
    finally:
        for _ in range(taken):
            free.release()
    assert response.status_code == 503 and "Try again" in response.content.decode()


# Saved searches


def test_a_search_is_saved_with_the_filters_and_used(operator, builds):
    page = asked(operator, "project:compiler* OR arch:arm64", status="completed", window="24h")
    words = page.context["cl"].as_words
    assert words == "status:completed created_at:>=now-24h (project:compiler* OR arch:arm64)"
    saved = operator.post("/admin/jobs/savedsearch/add/", {"name": "done", "query": words}, follow=True)
    assert "“done” is saved" in saved.content.decode()
    assert {row.pk for row in saved.context["cl"].result_list} == {builds[1].pk}
    assert "done</a>" in operator.get(LIST).content.decode()
    assert AuditEntry.objects.get().target_type == "saved search"
    # The same name again is the same search.
    operator.post("/admin/jobs/savedsearch/add/", {"name": "done", "query": "status:failed", "shared": "on"})
    assert list(SavedSearch.objects.values_list("query", "shared")) == [("status:failed", True)]


@pytest.mark.parametrize(
    "form", [{"name": "x", "query": "projct:x"}, {"name": " ", "query": "x:"}, {"query": "status:failed"}]
)
def test_what_means_nothing_is_not_saved(operator, form):
    page = operator.post("/admin/jobs/savedsearch/add/", form)
    assert page.status_code == 200 and "errorlist" in page.content.decode()
    assert not SavedSearch.objects.exists()


def test_others_see_and_use_only_what_is_shared_and_nobody_else_deletes(operator, viewer):
    other = client_of("admin")
    own = SavedSearch.objects.create(user=operator.user, name="own", query="status:failed")
    shared = SavedSearch.objects.create(user=operator.user, name="shared", query="status:failed", shared=True)
    assert "shared</a>" in viewer.get(LIST).content.decode() and "own</a>" not in viewer.get(LIST).content.decode()
    base = "/admin/jobs/savedsearch"
    assert viewer.get(f"{base}/{own.pk}/change/").status_code == 302
    assert viewer.get(f"{base}/{shared.pk}/change/").status_code == 200
    for form in ({}, {"name": "x", "query": "status:failed"}):
        assert viewer.post(f"{base}/add/", form).status_code == 403
    assert viewer.post(f"{base}/{shared.pk}/delete/").status_code == 403
    assert other.post(f"{base}/{own.pk}/delete/").status_code == 302 and SavedSearch.objects.count() == 2
    # People leave; what they shared is an administrator's to tidy up.
    assert other.post(f"{base}/{shared.pk}/delete/").status_code == 302
    assert operator.post(f"{base}/{own.pk}/delete/", {"reason": "x"}, follow=True).status_code == 200
    assert not SavedSearch.objects.exists()
    assert AuditEntry.objects.filter(action="delete").count() == 2

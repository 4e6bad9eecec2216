from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs import catalogue, dead_letters
from jobs.catalogue import function_of, function_of_job_type
from jobs.enqueue import NewJob, enqueue, enqueue_each
from jobs.exceptions import (
    FunctionInactive,
    InvalidOption,
    InvalidPayload,
    UnknownFunction,
    UnknownJobType,
)
from jobs.models import Function, Job

pytestmark = pytest.mark.django_db

WIDTH = {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}


@pytest.fixture
def thumbnail() -> Function:
    return Function.objects.create(
        language="node",
        title="thumbnail",
        language_title="node-thumbnail",
        schema_definition=WIDTH,
        timeout=7,
        max_retries=1,
        cache_seconds=60,
        version="2.1",
    )


def test_a_job_of_another_language_lies_in_its_queue_with_its_policy(thumbnail):
    job = enqueue("node-thumbnail", {"width": 3}).fetch()
    assert (job.job_type, job.queue, job.timeout, job.max_retries) == ("node-thumbnail", "lang.node", 7, 1)
    chosen = enqueue("node-thumbnail", {"width": 3}, timeout=9, max_retries=0, queue="lang.node").fetch()
    assert (chosen.timeout, chosen.max_retries) == (9, 0)


def test_its_payload_is_checked_against_the_row(thumbnail):
    with pytest.raises(InvalidPayload) as caught:
        enqueue("node-thumbnail", {"width": "3"})
    assert [(v.pointer, v.code) for v in caught.value.violations] == [("/width", "type")]
    assert not Job.objects.exists()


@pytest.mark.parametrize("queue", ["default", "lang.ruby", "lang.node2"])
def test_its_language_decides_the_queue(thumbnail, queue):
    with pytest.raises(InvalidOption, match=r"lang\.node"):
        enqueue("node-thumbnail", {"width": 3}, queue=queue)


def test_without_a_schema_it_takes_any_object():
    Function.objects.create(language="node", title="any", language_title="node-any")
    assert enqueue("node-any", {"whatever": [1]}).fetch().payload == {"whatever": [1]}


def test_a_schema_that_sql_has_broken_is_an_error_of_the_payload(thumbnail):
    Function.objects.filter(pk=thumbnail.pk).update(schema_definition={"type": "nonsense"})
    catalogue.forget()
    with pytest.raises(InvalidPayload, match="schema is broken"):
        enqueue("node-thumbnail", {"width": 3})


def test_one_that_is_switched_off_takes_no_jobs(thumbnail):
    thumbnail.is_active = False
    thumbnail.save()
    with pytest.raises(FunctionInactive):
        enqueue("node-thumbnail", {"width": 3})
    each = enqueue_each([NewJob("node-thumbnail", {"width": 3})])
    assert isinstance(each[0], FunctionInactive)
    assert function_of("node-thumbnail").is_active is False


def test_rows_of_python_stand_for_no_job_type():
    Function.objects.create(language="python", title="gone", language_title="python-gone")
    for look in (catalogue.job_type, function_of_job_type):
        with pytest.raises(UnknownJobType):
            look("python-gone")
    with pytest.raises(UnknownFunction):
        function_of("python-gone")


def test_pythons_types_cost_no_query(note, django_assert_num_queries):
    with django_assert_num_queries(1):
        enqueue("note", {})


def test_functions_are_read_once_for_many_jobs(thumbnail, note):
    Function.objects.create(language="node", title="any", language_title="node-any")
    new = [NewJob(name, {"width": n}) for n in range(10) for name in ("node-thumbnail", "node-any", "note")]
    for expected in (1, 0):
        with CaptureQueriesContext(connection) as context:
            enqueue_each(new)
        assert sum('FROM "functions"' in query["sql"] for query in context) == expected


def test_own_changes_are_seen_at_once_and_others_after_a_while(thumbnail, monkeypatch):
    assert function_of("node-thumbnail").version == "2.1"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE functions SET version = '3', updated_at = clock_timestamp()")
    assert function_of("node-thumbnail").version == "2.1"
    monkeypatch.setattr("jobs.catalogue.time.monotonic", lambda clock=catalogue.time.monotonic: clock() + 6)
    assert function_of("node-thumbnail").version == "3"
    thumbnail.version = "4"
    thumbnail.save()
    assert function_of("node-thumbnail").version == "4"


def test_an_unchanged_row_keeps_its_compiled_schema(thumbnail, monkeypatch):
    before = function_of("node-thumbnail")
    monkeypatch.setattr("jobs.catalogue.time.monotonic", lambda clock=catalogue.time.monotonic: clock() + 6)
    assert function_of("node-thumbnail") is before


def test_what_was_read_before_a_commit_is_read_again_after_it(thumbnail, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        thumbnail.version = "9"
        thumbnail.save()
        catalogue._kept["node-thumbnail"] = catalogue._Kept(None, float("inf"))
    assert function_of("node-thumbnail").version == "9"


def test_names_of_clients_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("jobs.catalogue.MOST_KEPT", 10)
    for n in range(40):
        with pytest.raises(UnknownJobType):
            catalogue.job_type(f"nothing-{n}")
    assert len(catalogue._kept) <= 12


def test_python_functions_by_title_and_by_job_type(note):
    by_title, by_type = function_of("python-note"), function_of("note")
    assert by_title == by_type
    assert (by_title.language, by_title.name, by_title.language_title) == ("python", "note", "python-note")
    assert by_title.is_active


def test_a_python_function_that_was_switched_off(note):
    Function.objects.create(language="python", title="note", language_title="python-note", is_active=False)
    assert not function_of("python-note").is_active
    # Python's own code may go on submitting it.
    assert enqueue("note", {}).created


def test_internal_types_are_no_functions(register):
    def measure(ctx: Any) -> None:
        return None

    register("measure", measure, internal=True)
    for name in ("measure", "python-measure"):
        with pytest.raises(UnknownFunction):
            function_of(name)
    assert enqueue("measure", {}).created


def test_what_is_known_need_not_be_switched_on(thumbnail, note):
    assert catalogue.is_known("note") and catalogue.is_known("node-thumbnail")
    assert not catalogue.is_known("node-nothing")
    thumbnail.is_active = False
    thumbnail.save()
    assert catalogue.is_known("node-thumbnail")


def test_a_redrive_of_another_language_is_checked_against_its_schema(thumbnail):
    thumbnail.is_active = False
    thumbnail.save()
    with pytest.raises(InvalidPayload):
        dead_letters.check_payload("node-thumbnail", {"width": "3"})
    dead_letters.check_payload("node-thumbnail", {"width": 3})
    dead_letters.check_payload("node-nothing", {"width": "3"})

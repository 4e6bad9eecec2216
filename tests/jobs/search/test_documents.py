"""The mapping, the documents and the fields of queries say the same; a job is read for it once and no further."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.models import Job
from jobs.search.as_dsl import as_dsl
from jobs.search.documents import document, documentable
from jobs.search.engine.operations import Operation
from jobs.search.language.evaluation import fits
from jobs.search.language.fields import FIELDS, HEAD, OWNER, TEXT_HEAD, WORKSPACE, Kind
from jobs.search.language.tree import Near
from jobs.search.mapping import index_body, properties
from tests.jobs.rows import fail, new_job
from tests.jobs.search import trees
from tests.search_server import SearchServer

pytestmark = pytest.mark.django_db

SEARCHED = [field for field in FIELDS.values() if field.kind is not Kind.REFERENCE] + [OWNER, WORKSPACE]
#: Beside the fields.
OTHERS = {"project_name_reversed", "hostname_reversed", "user_email_reversed", "metadata", "text", "@timestamp"}
TYPES = {
    Kind.KEYWORD: ("keyword", str),
    Kind.ID: ("keyword", str),
    Kind.TEXT: ("text", str),
    Kind.NUMBER: ("long", int),
    Kind.MOMENT: ("long", int),
    Kind.BOOLEAN: ("boolean", bool),
}
#: The index as it is made at this version of the mapping.
GOLDEN: Final = Path(__file__).parent / "index.json"
CREATED = datetime(2026, 1, 31, 9, 30, 0, 123456, tzinfo=UTC)


def read(job: Job) -> dict[str, Any]:
    return document(documentable(Job.objects.filter(pk=job.pk)).get())


def test_the_mapping_is_the_one_of_its_version() -> None:
    """Whoever changes it raises MAPPING_VERSION, so that sites make a new index, and writes this file anew."""
    assert index_body() == json.loads(GOLDEN.read_text())


def test_there_is_a_property_for_every_field_and_no_other() -> None:
    found = properties()
    assert found.keys() == {field.name for field in SEARCHED} | OTHERS
    assert {field.name: found[field.name]["type"] for field in SEARCHED} == {
        field.name: TYPES[field.kind][0] for field in SEARCHED
    }
    assert {field.name + "_reversed" for field in SEARCHED if field.reversed} < OTHERS


def test_documents_fill_every_property_and_no_other() -> None:
    random = Random(1)
    trees.lay(trees.job(random) for _ in range(100))
    documents = [document(job) for job in documentable(Job.objects.all())]
    assert {name for each in documents for name in each} == properties().keys()
    for each in documents:
        for field in SEARCHED:
            value = each.get(field.name)
            if value is not None:
                kind = TYPES[field.kind][1]
                assert all(type(one) is kind for one in value) if field.many else type(value) is kind
                assert value not in ("", [])


def test_a_document_as_a_whole() -> None:
    pk = UUID("019c1363-4653-7000-bd95-05a316269323")
    job = new_job(
        "build", id=pk, created_at=CREATED, scheduled_at=CREATED, project_name="gcc", hostname="", tags=["b", "", "a"],
        metadata={
            "cpu": {"cores": [4, 8.5]}, "ok": True, "none": None, "empty": "", "image": "Ab c",
            "x.y": "hid", "list": [["in"]],
        },
        parent_id=UUID(int=7), payload={"secret": "payload"}, result={"secret": "result"},
    )  # fmt: skip
    found = read(job)
    for name in ("updated_at", "version"):
        assert found.pop(name)
    assert found == {
        "id": str(pk),
        "parent_id": "00000000-0000-0000-0000-000000000007",
        "status": "pending",
        "job_type": "build",
        "queue": "default",
        "project_name": "gcc",
        "project_name_reversed": "ccg",
        "tags": ["b", "a"],
        "priority": 5,
        "attempt": 0,
        "retry_count": 0,
        "max_retries": 3,
        "progress": 0,
        "is_deleted": False,
        "created_at": 1_769_851_800_123_456,
        "scheduled_at": 1_769_851_800_123_456,
        "@timestamp": 1_769_851_800_123,
        "metadata": found["metadata"],
        "text": found["text"],
    }
    assert sorted(found["metadata"]) == [
        "b:ok\x1ftrue",
        "n:cpu.cores\x1f249999994",
        "n:cpu.cores\x1f2499999985",
        "s:image\x1fAb c",
    ]
    assert sorted(found["text"]) == ["ab b␣ ␣c", "bu ui il ld", "gc cc", "hi id", "in"]


def test_what_went_wrong_is_in_it_and_how_is_not() -> None:
    job = fail(new_job(), error_class="ValueError", message="No such Thing", retryable=False)
    found = read(job)
    assert found["error_class"] == "ValueError"
    assert found["error_message"] == "no o␣ ␣s su uc ch h␣ ␣t th hi in ng"
    assert found["status"] == "dead_letter"
    assert "Traceback" not in json.dumps(found)


def test_texts_are_cut_where_no_query_can_tell() -> None:
    job = new_job("t" * 5_000, hostname="ab" * HEAD, metadata={"a": "m" * 5_000}, error_message="e" * (2 * TEXT_HEAD))
    found = read(job)
    assert (len(found["job_type"]), len(found["hostname"])) == (HEAD + 1, HEAD + 1)
    assert found["hostname_reversed"] == found["hostname"][::-1]
    assert found["metadata"] == ["s:a\x1f" + "m" * (HEAD + 1)]
    assert len(found["error_message"].split()) == TEXT_HEAD - 1


def test_numbers_may_have_any_size() -> None:
    """Python reads no whole number of so many digits, and a float is not what it was."""
    job = new_job()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE job_queue SET metadata = jsonb_build_object('long', %s::numeric, 'tiny', 1e-9000, 'exact', %s) "
            "WHERE id = %s", ["7" * 5_000, Decimal("0.1000000000000000055511151231257827"), job.pk],
        )  # fmt: skip
    assert sorted(read(job)["metadata"]) == [
        "n:exact\x1f249999981000000000000000055511151231257827",
        "n:long\x1f25004998" + "7" * (HEAD + 1),
        "n:tiny\x1f249909991",
    ]


def test_jobs_are_read_by_one_query_that_leaves_out_what_is_large() -> None:
    jobs = [new_job() for _ in range(3)]
    with CaptureQueriesContext(connection) as queries:
        assert [document(job)["id"] for job in documentable(Job.objects.order_by("id"))] == [
            str(job.pk) for job in jobs
        ]
    (query,) = queries.captured_queries
    for column in ("payload", "result", "error_history", "traceparent"):
        assert f'"{column}"' not in query["sql"]


def test_the_engine_keeps_no_pairs_and_answers_what_is_near(search_engine: SearchServer) -> None:
    jobs = [new_job(hostname=name) for name in ("build-7", "biuld-7", "buil-7", "bui-7", "other")]
    index, engine = search_engine.new_index(), search_engine.engine
    engine.create_index(index, index_body())
    for result in engine.bulk([Operation(index, str(job.pk), job.version, read(job)) for job in jobs]):
        assert result.done, result
    engine.refresh(index)
    (hit, *_), names = engine.search(index, {"query": {"match_all": {}}})["hits"]["hits"], properties().keys()
    assert hit["_source"].keys() <= names - {"text", "error_message"}
    for distance in (1, 2):
        near = Near(FIELDS["hostname"], "build-7", distance)
        hits = engine.search(index, {"query": as_dsl(near)})["hits"]["hits"]
        assert {hit["_id"] for hit in hits} == {str(job.pk) for job in jobs if fits(near, job)}
        assert len(hits) == 2 + distance

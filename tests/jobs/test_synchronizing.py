from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import checks
from jobs.models import Function
from jobs.registry import registry
from jobs.synchronizing import synchronize, synchronize_migrated

pytestmark = pytest.mark.django_db


def ring(ctx: Any, times: int = 1) -> int:
    """Ring the bell.

    As often as it is told to.
    """
    return times


def row(name: str = "python-ring") -> Function:
    return Function.objects.get(language_title=name)


def test_migrate_has_brought_in_the_shipped_handlers():
    rows = {row.language_title: row for row in Function.objects.all()}
    assert {"python-summarize", "python-extract_content", "python-validate_summary"} <= rows.keys()
    assert not any("bench" in name for name in rows)
    summarize = rows["python-summarize"]
    assert summarize.description == registry.get("summarize").description
    assert summarize.schema_definition == registry.get("summarize").schema
    assert summarize.examples and summarize.tags and summarize.is_active
    assert (summarize.created_by, summarize.timeout) == ("sync_functions", 60)


def test_a_new_handler_gets_a_row(register):
    register("ring", ring, version="2.0", tags=["bells"], examples=[{"times": 3}], cache=30, max_retries=7)
    report = synchronize()
    assert report.added == ["python-ring"]
    found = row()
    assert (found.language, found.title, found.version, found.tags) == ("python", "ring", "2.0", ["bells"])
    assert (found.examples, found.cache_seconds, found.max_retries) == ([{"times": 3}], 30, 7)
    assert found.description == "Ring the bell.\n\nAs often as it is told to."
    assert found.schema_definition["properties"] == {"times": {"type": "integer", "default": 1}}


def test_without_differences_nothing_is_written(register):
    register("ring", ring, schema={"type": "object", "properties": {"a": {"enum": ("x", "y")}}})
    synchronize()
    before = row().updated_at
    with CaptureQueriesContext(connection) as context:
        report = synchronize()
    assert (report.added, report.changed, report.vanished, report.returned) == ([], [], [], [])
    assert [query["sql"].split()[0] for query in context] == ["SELECT"]
    assert row().updated_at == before


def test_what_the_handler_says_is_taken_over(register):
    register("ring", ring)
    synchronize()
    before = row().updated_at
    Function.objects.filter(title="ring").update(description="by hand", version="0")
    assert synchronize().changed == ["python-ring"]
    assert (row().version, row().description.splitlines()[0]) == ("1.0.0", "Ring the bell.")
    # The trigger's: inside one transaction now() stands still.
    assert row().updated_at != before


def test_a_handler_goes_and_comes_back(register):
    register("ring", ring)
    synchronize()
    registry.remove("ring")
    assert synchronize().vanished == ["python-ring"]
    assert (row().is_active, row().vanished_at is not None) == (False, True)
    assert synchronize().vanished == []
    register("ring", ring)
    assert synchronize().returned == ["python-ring"]
    assert (row().is_active, row().vanished_at) == (True, None)


def test_what_a_person_switched_off_stays_off(register):
    register("ring", ring)
    synchronize()
    Function.objects.filter(title="ring").update(is_active=False)
    synchronize()
    assert not row().is_active
    registry.remove("ring")
    synchronize()
    register("ring", ring)
    synchronize()
    assert not row().is_active


def test_functions_of_other_languages_are_left_alone():
    Function.objects.create(language="node", title="ring", language_title="node-ring")
    synchronize()
    assert row("node-ring").is_active


def test_the_command_says_what_it_did(register):
    def told() -> str:
        out = StringIO()
        call_command("sync_functions", stdout=out, stderr=out)
        return out.getvalue()

    assert told() == "The catalogue is in step.\n"
    register("ring", ring)
    register("x" * 65, ring)
    assert told() == f"added: python-ring\nnot in the catalogue, the name is too long: {'x' * 65}\n"
    registry.remove("ring")
    assert told().startswith("vanished: python-ring\n")


def test_a_database_without_the_catalogue_is_passed_over(register):
    register("ring", ring)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE meta.functions RENAME COLUMN vanished_at TO gone_at")
        synchronize_migrated("default")
        cursor.execute("ALTER TABLE meta.functions RENAME TO no_functions")
        synchronize_migrated("default")
        cursor.execute("SELECT count(*) FROM meta.no_functions WHERE title = 'ring'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("name", [job_type.name for job_type in registry.listed()])
def test_examples_fit_their_schema(name):
    job_type = registry.get(name)
    assert [job_type.validator.violations(example) for example in job_type.examples] == [[]] * len(job_type.examples)


def test_the_check_names_a_wrong_example_and_a_name_without_room(register):
    assert checks.check_functions() == []
    register("ring", ring, examples=[{"times": 1}, {"times": "often"}])
    register("x" * 65, ring)
    error, warning = checks.check_functions()
    assert (error.id, warning.id) == ("jobs.E002", "jobs.W001")
    assert error.msg.startswith("Example 2 of the job type 'ring' does not fit its schema: /times ")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"version": ""}, "version is a text"),
        ({"version": "1" * 33}, "version is a text"),
        ({"cache": 0}, "cache_seconds: must be a whole number"),
        ({"cache": 1.5}, "cache_seconds: must be a whole number"),
        ({"cache": True}, "cache_seconds: must be a whole number"),
        ({"tags": ["a"] * 11}, "tags"),
    ],
)
def test_impossible_descriptions_are_errors_at_import(register, options, complaint):
    with pytest.raises(Exception, match=complaint):
        register("ring", ring, **options)
    assert "ring" not in registry

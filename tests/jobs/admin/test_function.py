import json
import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from jobs.functions import version_of
from jobs.models import AuditEntry, Function, Job
from jobs.synchronizing import synchronize
from tests.analytics.rows import Request, lay, roll_up
from tests.jobs.rows import finish, new_job

LIST = "/admin/jobs/function/"
SCHEMA = {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}
THUMBNAIL = {
    "language": "node",
    "title": "thumbnail",
    "description": "Make a picture small.",
    "schema_definition": json.dumps(SCHEMA),
    "examples": '[{"width": 120}]',
    "version": "2.1",
    "tags": "pictures, small ,",
    "cache_seconds": "60",
    "timeout": "7.5",
    "max_retries": "",
}


@pytest.fixture
def thumbnail(operator):
    response = operator.post(f"{LIST}add/", THUMBNAIL)
    assert response.status_code == 302, response.content.decode()
    return Function.objects.get(language_title="node-thumbnail")


def address(function, act="change"):
    return f"{LIST}{function.pk}/{act}/"


def test_a_function_is_registered(operator, thumbnail):
    assert (thumbnail.schema_definition, thumbnail.examples) == (SCHEMA, [{"width": 120}])
    assert (thumbnail.tags, thumbnail.cache_seconds, thumbnail.timeout) == (["pictures", "small"], 60, 7.5)
    assert (thumbnail.max_retries, thumbnail.created_by) == (None, operator.user.user_id)
    page = operator.get(address(thumbnail)).content.decode()
    for word in ("Make a picture small.", "node-thumbnail/invoke", "&quot;width&quot;: 120", "2.1", "registered"):
        assert word in page


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"language": "python"}, "write a handler"),
        ({"title": "a b"}, "must be up to 64 letters"),
        ({"schema_definition": "{"}, "This is not JSON"),
        ({"schema_definition": "[]"}, "must be an object"),
        ({"schema_definition": '{"type": "x"}'}, "/type: is no JSON Schema"),
        ({"schema_definition": '{"$ref": "https://example.org"}'}, "never fetched"),
        ({"examples": '[{"width": "x"}]'}, "/0/width: "),
        ({"examples": "[1]"}, "/0: must be an object"),
        ({"examples": '{"a": 1, "a": 2}'}, "stands twice"),
        ({"version": ""}, "required"),
        ({"tags": ",".join("abcdefghijk")}, "must be a list of at most 10"),
        ({"cache_seconds": "0"}, "must be a whole number"),
        ({"timeout": "nan"}, "Enter a number"),
        ({"max_retries": "-1"}, "must be a whole number"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(operator, changes, complaint):
    response = operator.post(f"{LIST}add/", {**THUMBNAIL, **changes})
    text = response.content.decode()
    assert response.status_code == 200 and complaint in text and "errorlist" in text
    assert not Function.objects.filter(language="node").exists()


def test_a_name_that_is_taken(operator, thumbnail):
    assert "There is a function or a job type" in operator.post(f"{LIST}add/", THUMBNAIL).content.decode()


def edit(operator, function, **changes):
    fields = {name: value for name, value in THUMBNAIL.items() if name not in {"language", "title"}}
    form = {**fields, "expected_version": version_of(function), "reason": "", **changes}
    return operator.post(address(function, "edit"), form, follow=True).content.decode()


def test_fields_are_edited_with_a_reason(operator, thumbnail):
    form = operator.get(address(thumbnail, "edit")).content.decode()
    assert "pictures, small" in form and "&quot;integer&quot;" in form
    text = edit(operator, thumbnail, version="3", schema_definition="", examples="", reason="simpler")
    assert "The function is changed." in text and "simpler" in text
    thumbnail.refresh_from_db()
    assert (thumbnail.version, thumbnail.schema_definition, thumbnail.examples) == ("3", None, None)
    assert AuditEntry.objects.get(action="change").details["before"]["version"] == "2.1"


def test_an_old_page_does_not_overwrite(operator, thumbnail):
    old = version_of(thumbnail)
    edit(operator, thumbnail, version="3")
    assert "changed in the meantime" in edit(operator, thumbnail, version="4", expected_version=old)
    assert Function.objects.get(pk=thumbnail.pk).version == "3"


def test_a_wrong_edit_is_said_beside_its_field(operator, thumbnail):
    assert "/0/width: " in edit(operator, thumbnail, examples='[{"width": []}]')
    assert Function.objects.get(pk=thumbnail.pk).examples == [{"width": 120}]


def test_switching_off_and_on(operator, thumbnail):
    assert (
        "switched off"
        in operator.post(address(thumbnail, "switch-off"), {"reason": "slow"}, follow=True).content.decode()
    )
    assert not Function.objects.get(pk=thumbnail.pk).is_active
    operator.post(address(thumbnail, "switch-on"), {"reason": ""})
    assert Function.objects.get(pk=thumbnail.pk).is_active


def test_pythons_are_switched_and_not_edited(operator):
    synchronize()
    summarize = Function.objects.get(language_title="python-summarize")
    page = operator.get(address(summarize)).content.decode()
    assert "Switch off…" in page and "Edit…" not in page and "its handler" in page
    assert "is decided by the handler" in edit(operator, summarize, schema_definition="", examples="")
    operator.post(address(summarize, "switch-off"), {"reason": "slow"})
    synchronize()
    summarize.refresh_from_db()
    assert not summarize.is_active and summarize.version == "1.0.0"


def test_a_handler_that_is_gone(operator):
    gone = Function.objects.create(language="python", title="gone", language_title="python-gone")
    synchronize()
    page = operator.get(address(gone)).content.decode()
    assert "handler gone" in page and "Switch on…" not in page


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", True),
        ("?language=node", True),
        ("?language=go", False),
        ("?tag=small", True),
        ("?tag=large", False),
        ("?active=true", True),
        ("?active=false", False),
        ("?active=perhaps", False),
        ("?q=PICTURE", True),
        ("?q=nothing", False),
    ],
)
def test_the_list_and_its_filters(operator, thumbnail, query, listed):
    text = operator.get(LIST + query).content.decode()
    assert (f"/admin/jobs/function/{thumbnail.pk}/change/" in text) is listed


def test_viewers_look_only(viewer, operator, thumbnail):
    assert viewer.get(LIST).status_code == viewer.get(address(thumbnail)).status_code == 200
    assert "add/" not in viewer.get(LIST).content.decode()
    for place in (f"{LIST}add/", address(thumbnail, "edit"), address(thumbnail, "switch-off")):
        assert viewer.get(place).status_code == viewer.post(place, THUMBNAIL).status_code == 403
    assert Function.objects.get(pk=thumbnail.pk).is_active


def test_a_function_is_tried_out_from_a_form_of_its_schema(operator, thumbnail):
    assert "Try it out" in operator.get(address(thumbnail)).content.decode()
    form = operator.get(address(thumbnail, "try"), {"example": "0"}).content.decode()
    assert 'name="param.width"' in form and 'value="120"' in form
    wrong = operator.post(address(thumbnail, "try"), {"param.width": ""}).content.decode()
    assert "errorlist" in wrong and not Job.objects.exists()
    response = operator.post(address(thumbnail, "try"), {"param.width": "64", "reason": "a look"})
    job = Job.objects.get()
    assert response.url.endswith(f"?job={job.pk}")
    assert (job.payload, job.metadata, job.user) == ({"width": 64}, {"test_call": True}, operator.user)
    entry = AuditEntry.objects.get(action="try")
    assert (entry.target_id, entry.reason, entry.details["job"]) == (str(thumbnail.pk), "a look", str(job.pk))
    waits = operator.get(response.url, headers={"HX-Request": "true"}).content.decode()
    assert "It waits for a worker." in waits and "data-live" in waits
    finish(job, {"small": "駅伝"})
    done = operator.get(response.url).content.decode()
    assert "駅伝" in done and 'id="result"' in done
    # Somebody else's job is not shown as the result of a call.
    other = finish(new_job(), {"secret": "of others"})
    assert "of others" not in operator.get(address(thumbnail, "try"), {"job": str(other.pk)}).content.decode()


def test_a_function_that_is_off_or_for_viewers_is_not_tried(operator, viewer, thumbnail):
    for method in (viewer.get, viewer.post):
        assert method(address(thumbnail, "try")).status_code == 403
    operator.post(address(thumbnail, "switch-off"))
    assert "Try it out" not in operator.get(address(thumbnail)).content.decode()
    told = operator.post(address(thumbnail, "try"), {"param.width": "64"}).content.decode()
    assert "switched off" in told and not Job.objects.exists()


def test_a_function_tells_how_it_was_called(operator, thumbnail):
    day = now()
    lay([Request(day - timedelta(hours=2), language_title="node-thumbnail", duration_ms=ms) for ms in (10, 20, 400)])
    roll_up(day)
    for place in (LIST, address(thumbnail)):
        text = operator.get(place).content.decode()
        assert "p95" in text and re.search(r"\b(3[89]\d|4[01]\d) ms", text), place

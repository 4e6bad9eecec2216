"""A schema becomes a form, and what is filled in becomes the parameters again."""

import pytest

from jobs.admin.schema_form import PREFIX, SchemaForm
from jobs.exceptions import Violation

SCHEMA = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "maxLength": 100, "description": "Where it is."},
        "width": {"type": "integer", "minimum": 16, "maximum": 4096, "default": 320},
        "ratio": {"type": "number"},
        "sharp": {"type": "boolean"},
        "format": {"enum": ["png", 8, None]},
        "day": {"type": "string", "format": "date"},
        "crop": {"type": "object"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "api_key": {"type": "string"},
        "pin": {"type": ["string", "null"], "x-secret": True},
    },
    "required": ["url"],
}
FILLED = {
    "url": "https://example.org/",
    "width": "640",
    "ratio": "1.5",
    "sharp": "false",
    "format": "1",
    "day": "2026-01-31",
    "crop": '{"left": 3}',
    "note": "箱根",
    "api_key": " k ",
}


def form(schema, **filled):
    return SchemaForm(schema, {PREFIX + name: value for name, value in filled.items()})


def test_each_type_has_its_field_and_its_value():
    filled = form(SCHEMA, **FILLED)
    assert filled.is_valid(), filled.errors
    assert filled.params() == {
        "url": "https://example.org/",
        "width": 640,
        "ratio": 1.5,
        "sharp": False,
        "format": 8,
        "day": "2026-01-31",
        "crop": {"left": 3},
        "note": "箱根",
        "api_key": " k ",
    }
    text = SchemaForm(SCHEMA, start={"api_key": "s3cret", "sharp": True, "crop": {"left": 3}}).as_p()
    assert text.count('type="password"') == 2 and "s3cret" not in text
    assert 'type="date"' in text and 'min="16"' in text and 'value="320"' in text and "Where it is." in text
    assert 'value="true" selected' in text and "&quot;left&quot;: 3" in text


def test_what_is_left_empty_is_left_out():
    empty = form(SCHEMA)
    assert empty.is_valid() and empty.params() == {}


def test_what_the_schema_says_stands_beside_its_field():
    filled = form(SCHEMA, **FILLED)
    assert filled.is_valid()
    told = [Violation("/crop/left", "minimum", "is too small"), Violation("", "required", "needs more")]
    filled.blame(told)
    assert filled.errors[f"{PREFIX}crop"] == ["/left is too small."]
    assert filled.non_field_errors() == ["needs more."]


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"$ref": "#/$defs/x"}, {"properties": []}])
def test_a_schema_without_names_is_filled_in_as_json(schema):
    filled = form(schema, **{"": '{"a": [1]}'})
    assert filled.is_valid() and filled.params() == {"a": [1]}
    empty = form(schema, **{"": ""})
    assert empty.is_valid() and empty.params() == {}
    assert not form(schema, **{"": "[1]"}).is_valid()
    wrong = form(schema, **{"": "{}"})
    assert wrong.is_valid()
    wrong.blame([Violation("/a", "type", "is no text")])
    assert wrong.errors[PREFIX] == ["/a is no text."]


@pytest.mark.parametrize(("name", "value"), [("width", "many"), ("crop", "{"), ("format", "7"), ("sharp", "perhaps")])
def test_what_cannot_be_read_is_told(name, value):
    filled = form(SCHEMA, **{**FILLED, name: value})
    assert not filled.is_valid() and list(filled.errors) == [PREFIX + name]

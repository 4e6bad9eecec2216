import pytest

from jobs.schemas import Secret, Validator, schema_for
from jobs.secret_marks import MASK, SecretMarks, SecretNames

SECRET = {"type": "string", "x-secret": True}


def hidden(schema, document):
    return SecretMarks(schema).hide(document)


@pytest.mark.parametrize("mark", [{"x-secret": True}, {"writeOnly": True}, {"format": "password"}])
def test_each_way_to_mark_a_property_hides_it_and_nothing_else(mark):
    schema = {"properties": {"token": mark, "url": {}}}
    assert hidden(schema, {"token": "t", "url": "u", "other": [1]}) == {"token": MASK, "url": "u", "other": [1]}


@pytest.mark.parametrize("mark", [{"x-secret": False}, {"writeOnly": "yes"}, {"format": "email"}])
def test_what_only_resembles_a_mark_hides_nothing(mark):
    assert hidden({"properties": {"token": mark}}, {"token": "t"}) == {"token": "t"}


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{}, {"properties": {"a": SECRET}}]},
        {"oneOf": [{"properties": {"a": SECRET}}, {"properties": {"a": {}}}]},
        {"properties": {"a": {"anyOf": [{"type": "integer"}, SECRET]}}},
        {"if": {"required": ["b"]}, "then": {"properties": {"a": SECRET}}},
        {"dependentSchemas": {"b": {"properties": {"a": SECRET}}}},
        {"patternProperties": {"^a": SECRET}},
        {"additionalProperties": SECRET},
        {"properties": {"b": {}}, "unevaluatedProperties": SECRET},
        {"properties": {"a": {"$ref": "#/$defs/s"}}, "$defs": {"s": SECRET}},
        {"properties": {"a": {"$ref": "#/$defs/x~1y"}}, "$defs": {"x/y": {"$ref": "#/$defs/s"}, "s": SECRET}},
        {"properties": {"a": {"$ref": "#s"}}, "$defs": {"s": {"$anchor": "s", **SECRET}}},
        {
            "properties": {"a": {"$ref": "https://x.example/inner#/$defs/s"}},
            "$defs": {"i": {"$id": "https://x.example/inner", "$defs": {"s": SECRET}}},
        },
        {"properties": {"a": {"$ref": "#/$defs/one"}}, "$defs": {"one": {"$ref": "#/$defs/two", **SECRET}, "two": {}}},
    ],
)
def test_one_place_in_the_schema_that_may_say_so_is_enough(schema):
    assert hidden(schema, {"a": "secret"}) == {"a": MASK}


def test_a_reference_that_leads_nowhere_hides_what_it_may_speak_of():
    schema = {"properties": {"a": {"$ref": "https://elsewhere.example/s"}, "b": {}}}
    assert hidden(schema, {"a": "secret", "b": 1}) == {"a": MASK, "b": 1}


def test_a_schema_that_refers_to_itself_is_followed_as_deep_as_the_document():
    schema = {"properties": {"pin": SECRET, "next": {"$ref": "#"}}}
    assert hidden(schema, {"pin": "1", "next": {"pin": "2", "next": {}}}) == {
        "pin": MASK,
        "next": {"pin": MASK, "next": {}},
    }


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"items": SECRET}, [MASK, MASK]),
        ({"prefixItems": [{}, SECRET]}, ["a", MASK]),
        ({"prefixItems": [{}], "items": SECRET}, ["a", MASK]),
        ({"items": [SECRET], "additionalItems": {}}, [MASK, "b"]),
        ({"contains": SECRET}, [MASK, MASK]),
    ],
)
def test_items_of_lists(schema, shown):
    assert hidden({"properties": {"list": schema}}, {"list": ["a", "b"]}) == {"list": shown}


def test_whole_objects_and_numbers_are_hidden_but_nothing_is_told_where_there_is_nothing():
    schema = {"properties": {"login": {"x-secret": True}, "pin": {"type": "integer", "x-secret": True}}}
    assert hidden(schema, {"login": {"user": "a"}, "pin": 7}) == {"login": MASK, "pin": MASK}
    assert hidden(schema, {"login": None}) == {"login": None}


def test_of_a_payload_that_is_secret_as_a_whole_the_names_are_told():
    assert hidden({"x-secret": True}, {"a": 1, "b": {"c": 2}}) == {"a": MASK, "b": MASK}


def test_a_document_without_marks_is_given_back_as_it_is():
    document = {"password": "not marked"}
    assert hidden({"properties": {"password": {}}}, document) is document


def test_without_a_schema_telling_names_are_hidden():
    document = {"kwargs": {"api_key": "k", "url": "u", "token": None}, "args": [{"password": "p"}]}
    assert SecretNames().hide(document) == {
        "kwargs": {"api_key": MASK, "url": "u", "token": None},
        "args": [{"password": MASK}],
    }


def test_an_annotation_marks_a_parameter_and_the_schema_still_checks_it():
    def handler(context, url: str, password: Secret[str], logins: list[Secret[dict[str, str]]] | None = None): ...

    schema = schema_for(handler)
    payload = {"url": "u", "password": "p", "logins": [{"a": "b"}]}
    assert hidden(schema, payload) == {"url": "u", "password": MASK, "logins": [MASK]}
    assert Validator(schema).violations(payload) == []
    assert [v.pointer for v in Validator(schema).violations({**payload, "password": 7})] == ["/password"]

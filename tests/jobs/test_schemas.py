import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, Optional, Required, TypedDict, Union

import jsonschema_rs
import pytest

from jobs.schemas import Validator, schema_for
from tests.jobs import postponed_annotations


class Reader(TypedDict):
    name: str
    age: NotRequired[int | None]


class Partial(TypedDict, total=False):
    always: Required[bool]
    reader: Reader


class Heir(Partial):
    own: int


class Endless(TypedDict):
    children: "list[Endless]"


def takes(**hints):
    """Make a handler with these parameters."""

    def handler(ctx: Any) -> None: ...

    code = f"def handler(ctx, {', '.join(f'{name}: hints[{name!r}]' for name in hints)}): ..."
    scope: dict[str, Any] = {"hints": hints}
    exec(code, scope)
    return scope["handler"]


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (None, {"type": "null"}),
        (Any, {}),
        (dict, {"type": "object"}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Mapping[str, Any], {"type": "object", "additionalProperties": {}}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}),  # noqa: UP045
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),  # noqa: UP007
        (Literal["a", 2, None], {"enum": ["a", 2, None]}),
        (Annotated[int, "meta"], {"type": "integer"}),
        (
            Reader,
            {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
                "required": ["name"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_a_hint_becomes_a_schema(hint, schema):
    assert schema_for(takes(value=hint))["properties"]["value"] == schema


def test_a_signature_becomes_a_schema():
    def handler(ctx, url, times: int = 3, *, name: str | None = None) -> None: ...

    assert schema_for(handler) == {
        "type": "object",
        "properties": {
            "url": {},
            "times": {"type": "integer", "default": 3},
            "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["url"],
        "additionalProperties": False,
    }


def test_required_keys_of_nested_typed_dicts():
    properties = schema_for(takes(value=Partial))["properties"]["value"]
    assert properties["required"] == ["always"]
    assert properties["properties"]["reader"]["required"] == ["name"]
    assert schema_for(takes(value=Heir))["properties"]["value"]["required"] == ["always", "own"]


def test_annotations_that_are_strings_are_read_alike():
    value = schema_for(postponed_annotations.handler)["properties"]["reader"]
    assert value["required"] == ["name"]
    assert value["properties"]["age"] == {"type": "integer"}


def test_further_keywords_open_the_payload():
    def handler(ctx, a: int, **rest: Any) -> None: ...

    assert schema_for(handler)["additionalProperties"] is True


def positional_only(ctx, a, /): ...
def collects(ctx, *items): ...
def no_context(): ...
def keyword_context(*, ctx): ...
def only_keywords(**everything): ...


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (positional_only, "passed by name"),
        (collects, "passed by name"),
        (no_context, "first argument"),
        (keyword_context, "first argument"),
        (only_keywords, "first argument"),
        (takes(value=complex), "No JSON Schema is known for the type <class 'complex'>"),
        (takes(value=Endless), "refers to itself"),
    ],
)
def test_signatures_without_a_payload_are_refused_at_import(handler, reason):
    with pytest.raises(TypeError, match=reason):
        schema_for(handler)


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (Reader, [{"name": "a"}, {"name": "a", "age": None}], [{}, {"name": "a", "ag": 1}, {"name": None}]),
        (int, [1, -(10**30), 10**299], [1.5, "1", True, None]),
        (float, [1, 1.5, 10**25], ["1", True]),
        (Literal["a", "b"], ["a"], ["c", None, 1]),
        (tuple[int, str], [[1, "a"]], [[1], ["a", 1], [1, "a", 2]]),
    ],
)
def test_payloads_are_held_to_it(hint, good, bad):
    validator = Validator(schema_for(takes(value=hint)))
    for value in good:
        assert validator.violations({"value": value}) == []
    for value in bad:
        assert validator.violations({"value": value})


def test_violations_say_where_and_what():
    validator = Validator(schema_for(takes(a=list[int], b=str)))
    found = {(violation.pointer, violation.code) for violation in validator.violations({"a": [1, "x"], "c/d": 1})}
    assert found == {("/a/1", "type"), ("", "required"), ("", "additionalProperties")}


def test_violations_are_few_however_wrong_the_payload_is():
    violations = Validator(schema_for(takes(a=list[int]))).violations({"a": ["x" * 1_000] * 1_000})
    assert len(violations) == 20
    assert all(len(violation.detail) <= 500 for violation in violations)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:1/schema"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "file:///etc/passwd"},
        {"properties": {"a": {"$ref": "http://127.0.0.1:1/#/a"}}},
        {"$schema": "http://127.0.0.1:1/meta"},
        {"$id": "http://127.0.0.1:1/", "$ref": "other"},
        {"$dynamicRef": "http://127.0.0.1:1/"},
        {"type": "strin"},
        {"pattern": "("},
        {"$ref": "#/$defs/nothing"},
    ],
)
def test_schemas_that_reach_out_or_are_wrong_are_refused(schema):
    with pytest.raises(jsonschema_rs.ValidationError):
        Validator(schema)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(a+)+$",
        r"^(a|aa)+$",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?:a?){50}a{50}b",
        r"^(?=(a+)+b)x",
        r"^(?=(a|a)*b).*x",
    ],
)
def test_no_pattern_takes_long(pattern):
    started = time.thread_time()
    try:
        Validator({"properties": {"a": {"pattern": pattern}}}).violations({"a": "a" * 20_000 + "!"})
    except jsonschema_rs.ValidationError as refused:
        assert "regex" in str(refused)
    assert time.thread_time() - started < 1

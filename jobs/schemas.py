"""JSON Schemas of payloads: made from a handler's signature, checked by jsonschema-rs."""

import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import jsonschema_rs

from jobs.exceptions import Violation

Schema = dict[str, Any]

#: Finds what is wrong with a payload beyond what a schema can say.
Check = Callable[[dict[str, Any]], list[Violation]]

T = TypeVar("T")

_MARK: Final = "x-secret"

#: A parameter whose value is hidden from people: `password: Secret[str]`.
Secret = Annotated[T, _MARK]

_SIMPLE: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    dict: {"type": "object"},
    list: {"type": "array"},
    type(None): {"type": "null"},
    Any: {},
    inspect.Parameter.empty: {},
}


def schema_for(function: Callable[..., Any]) -> Schema:
    """Describe the payload that a handler takes: its parameters after the first, the context."""
    hints = get_type_hints(function, include_extras=True)
    schema: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
    required = []
    for parameter in _payload_parameters(function):
        if parameter.kind is parameter.VAR_KEYWORD:
            schema["additionalProperties"] = True
            continue
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY}:
            raise TypeError(f"{function.__qualname__}: the payload is passed by name, so {parameter} cannot be filled.")
        schema["properties"][parameter.name] = _with_default(
            _of_type(hints.get(parameter.name, Any)), parameter.default
        )
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    if required:
        schema["required"] = required
    return schema


def _payload_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind in {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}:
        raise TypeError(f"{function.__qualname__}: a handler takes the context as its first argument.")
    return parameters[1:]


def _with_default(schema: Schema, default: Any) -> Schema:
    if default is inspect.Parameter.empty or default is None:
        return schema
    try:
        json.dumps(default, allow_nan=False)
    except (TypeError, ValueError):
        return schema
    return {**schema, "default": default}


def _of_type(hint: Any) -> Schema:
    # Before it is looked up: what else stands in an annotation may have no hash.
    if get_origin(hint) is Annotated:
        return _of_type(get_args(hint)[0]) | ({_MARK: True} if _MARK in hint.__metadata__ else {})
    if isinstance(hint, type) and is_typeddict(hint):
        return _of_typed_dict(hint)
    if hint in _SIMPLE:
        return dict(_SIMPLE[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [_of_type(argument) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {typing.Required, typing.NotRequired}:
        return _of_type(arguments[0])
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        items = [_of_type(argument) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin in {list, tuple, set, Sequence}:
        return {"type": "array", "items": _of_type(arguments[0]) if arguments else {}}
    if origin in {dict, Mapping}:
        return {"type": "object", "additionalProperties": _of_type(arguments[1]) if arguments else True}
    raise TypeError(f"No JSON Schema is known for the type {hint!r}; give one with @job(schema=…).")


def _of_typed_dict(hint: Any) -> Schema:
    hints = get_type_hints(hint, include_extras=True)
    try:
        properties = {name: _of_type(inner) for name, inner in hints.items()}
    except RecursionError:
        raise TypeError(f"{hint!r} refers to itself; give its schema with @job(schema=…).") from None
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(name for name, inner in hints.items() if _is_required(hint, name, inner)),
        "additionalProperties": False,
    }


def _is_required(typed_dict: Any, name: str, hint: Any) -> bool:
    # Where annotations are strings, __required_keys__ has not seen what they say.
    if (said := get_origin(hint)) in {typing.Required, typing.NotRequired}:
        return said is typing.Required
    return name in typed_dict.__required_keys__


#: What can be said of an object while members are missing.
_OF_A_PART: Final = (
    *("$schema", "$id", "$defs", "definitions", "type", "properties", "patternProperties"),
    *("additionalProperties", "propertyNames", "maxProperties"),
)


def of_a_part(schema: Schema) -> Schema:
    """Give the schema of an object whose other members come later: no member is required of it yet."""
    return {name: schema[name] for name in _OF_A_PART if name in schema}


def _refuse(uri: str) -> Any:
    # A schema may come from a user; fetching its $ref would read files and internal hosts.
    raise ValueError(f"The schema refers to {uri}, which is never fetched.")


def check_schema(schema: Any) -> list[Violation]:
    """Find what keeps a schema from being used: not an object, not a JSON Schema, or referring to somewhere else."""
    if not isinstance(schema, dict):
        return [Violation("", "type", "must be an object")]
    try:
        Validator(schema)
    except jsonschema_rs.ValidationError as error:
        return [Violation(_pointer(error), "schema", f"is no JSON Schema: {_sentence(error)}"[:500])]
    except ValueError as error:
        return [Violation("", "schema", f"is no JSON Schema: {str(error).splitlines()[0]}"[:500])]
    return []


class Validator:
    """Checks payloads against one schema; compiled once. A secretive one quotes no value in what it finds wrong."""

    def __init__(self, schema: Schema, check: Check | None = None, *, secretive: bool = False) -> None:
        # What is told of secret values ends in answers and logs.
        mask: Any = {"mask": "the value"} if secretive else {}
        self._validator = jsonschema_rs.validator_for(schema, retriever=_refuse, **mask)
        self._check = check

    def violations(self, payload: Any) -> list[Violation]:
        if self._validator.is_valid(payload):
            return self._check(payload) if self._check else []
        return [
            Violation(
                _pointer(error),
                _code(error),
                error.message[:500],
            )
            for error, _ in zip(self._validator.iter_errors(payload), range(20), strict=False)
        ]


def _pointer(error: jsonschema_rs.ValidationError) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.instance_path)


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    # The words of a refused reference stand behind the library's own.
    return error.message.rpartition("ValueError: ")[2].splitlines()[0].rstrip(".")


def _code(error: jsonschema_rs.ValidationError) -> str:
    return str(error.schema_path[-1]) if error.schema_path else "schema"

"""The API's description of itself: what drf-spectacular cannot see for itself is added here."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from config.api.problem_types import PROBLEM_TYPES
from config.api.problems import MEDIA_TYPE

BODY_METHODS: Final = frozenset({"post", "put", "patch"})
METHODS: Final = BODY_METHODS | {"get", "delete", "head", "options"}

REASONS: Final = {
    400: "The request cannot be read.",
    401: "The API key is missing or not valid.",
    403: "The user's role does not allow this.",
    404: "There is no such thing, or it belongs to somebody else.",
    406: "No such representation.",
    409: "The present state does not allow this, or the same request is being worked on.",
    412: "It was changed in the meantime.",
    413: "The body is too large.",
    415: "The body's media type is not understood.",
    422: "The body does not match the schema.",
    428: "If-Match is missing.",
    429: "Too many requests.",
    503: "The service cannot answer now.",
}

PROBLEM_SCHEMA: Final = {
    "type": "object",
    "description": "An error, as RFC 9457 describes it. `code` is stable; `detail` is for people and may change.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "examples": sorted(PROBLEM_TYPES)},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON Pointer into the body."},
                    "parameter": {"type": "string", "description": "The name of a query parameter."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `ekiden_live_…`."}


class StaffSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The docs page sends the cookie of the admin by itself, so nobody needs to read about it."""

    target_class = "accounts.authentication.StaffSessionAuthentication"
    name: list[str] = []

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return []


class StrictSerializerSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """What refuses unknown fields says so."""

    target_class = "accounts.api.strict.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        if direction != "request":
            return schema
        described: dict[str, Any] = {**schema, "additionalProperties": False, **self.target.schema_rules}
        return described


def require_bodies(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Say that a body may not be left out where an empty one would be refused (a postprocessing hook)."""
    schemas = result.get("components", {}).get("schemas", {})
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            body = operation.get("requestBody", {})
            for content in body.get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                schema = schemas.get(name, {})
                if schema.get("minProperties") or any("required" in each for each in schema.get("oneOf", ())):
                    body["required"] = True
    return result


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give every operation the errors that it can answer with (a postprocessing hook)."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for path, operations in result.get("paths", {}).items():
        for method, operation in operations.items():
            if method in METHODS:
                for status in _statuses(path, method, operation):
                    operation["responses"].setdefault(str(status), _response(status))
    return result


def _statuses(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    statuses = {400, 406, 429, 503}
    if operation.get("security"):
        statuses |= {401, 403}
    if "{" in path:
        statuses.add(404)
    if method in BODY_METHODS:
        statuses |= {409, 413, 415, 422}
    if method in ("patch", "put") or any(each["name"] == "If-Match" for each in operation.get("parameters", ())):
        statuses |= {412, 428}
    return statuses


def _response(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answer: dict[str, Any] = {"description": REASONS[status], "content": content}
    if status in (429, 503):
        seconds = {"type": "integer", "minimum": 1}
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": seconds}}
    if status == 412:
        tag = {
            "description": "Of the version that there is; `current_version` in the body.",
            "schema": {"type": "string"},
        }
        answer["headers"] = {"ETag": tag}
    return answer

"""Which values of a document its JSON Schema marks as secret: what is hidden from people, and put back after an edit.

A place is secret if anything in the schema may say so of it: one branch of a oneOf is enough, and a reference that
cannot be followed counts as a mark.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any, Final
from urllib.parse import unquote

import jsonschema_rs

from jobs.scrubbing import is_secret_name

#: What stands in the place of a secret value.
MASK: Final = "••••••"

_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONS: Final = ("if", "then", "else")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
#: Deeper than payloads may be: whatever lies there is hidden whole.
_DEPTH: Final = 100


class SecretMarks:
    """The secret places of documents that one schema describes; a schema without marks costs nothing."""

    def __init__(self, schema: Any) -> None:
        self._root = schema

    @cached_property
    def exist(self) -> bool:
        """Whether the schema marks anything, or has a reference that may lead to a mark."""
        parts = list(_parts(self._root))
        return any(_marked(part) for part in parts) or any(
            not self._followed(part[name]) for part in parts for name in _REFERENCES if name in part
        )

    def hide(self, document: Any) -> Any:
        """Copy a document with the mask in the place of every secret value."""
        return self._hidden(document, [self._root], 0) if self.exist else document

    def _hidden(self, value: Any, schemas: list[Any], depth: int) -> Any:
        found = self._applying(schemas)
        if value is None:
            return None
        # Of a whole payload, the names of its members are still told: a form edits an object.
        whole = found is None or depth > _DEPTH
        if whole and not (depth == 0 and isinstance(value, dict)):
            return MASK
        if isinstance(value, dict):
            return {
                name: MASK if whole else self._hidden(inner, self._of_member(found or [], name), depth + 1)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._hidden(inner, _of_item(found or [], at), depth + 1) for at, inner in enumerate(value)]
        return value

    def _applying(self, schemas: list[Any]) -> list[dict[str, Any]] | None:
        """Give every schema that may apply where these do; None if one of them is marked."""
        seen: dict[int, dict[str, Any]] = {}
        waiting = list(schemas)
        while waiting:
            schema = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            if _marked(schema):
                return None
            seen[id(schema)] = schema
            waiting += [branch for name in _BRANCHES for branch in _list(schema.get(name))]
            waiting += [schema[name] for name in _CONDITIONS if name in schema]
            waiting += [*_dict(schema.get("dependentSchemas")).values(), *_dict(schema.get("dependencies")).values()]
            for name in _REFERENCES:
                if name in schema:
                    followed = self._followed(schema[name])
                    if not followed:
                        return None
                    waiting += followed
        return list(seen.values())

    def _of_member(self, schemas: list[dict[str, Any]], name: str) -> list[Any]:
        found: list[Any] = []
        for schema in schemas:
            named = _dict(schema.get("properties"))
            own = [named[name]] if name in named else []
            own += [
                inner for pattern, inner in _dict(schema.get("patternProperties")).items() if _matches(pattern, name)
            ]
            found += own or [schema.get("additionalProperties")]
            found.append(schema.get("unevaluatedProperties"))
        return found

    def _followed(self, reference: Any) -> list[Any]:
        """Give what a local reference may mean; where resources are nested, all that it may mean in any of them."""
        address, _, fragment = str(reference).partition("#")
        if fragment and not fragment.startswith("/"):
            return [part for part in self._all if fragment in (part.get("$anchor"), part.get("$dynamicAnchor"))]
        resources = [each for each in self._resources if not address or _last(each.get("$id")) == _last(address)]
        found = (_at(resource, unquote(fragment)) for resource in resources)
        return [schema for schema in found if schema is not None]

    @cached_property
    def _all(self) -> list[dict[str, Any]]:
        return list(_parts(self._root))

    @cached_property
    def _resources(self) -> list[Any]:
        return [part for part in self._all if part is self._root or "$id" in part]


class SecretNames:
    """The secret places of documents that no schema describes: what stands under a telling name."""

    exist = True

    def hide(self, document: Any) -> Any:
        if isinstance(document, dict):
            return {
                name: MASK if is_secret_name(name) and inner is not None else self.hide(inner)
                for name, inner in document.items()
            }
        return [self.hide(inner) for inner in document] if isinstance(document, list) else document


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Walk over every object in a schema."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _marked(schema: dict[str, Any]) -> bool:
    return schema.get("x-secret") is True or schema.get("writeOnly") is True or schema.get("format") == "password"


def _of_item(schemas: list[dict[str, Any]], at: int) -> list[Any]:
    found: list[Any] = []
    for schema in schemas:
        # The draft before 2020-12 has a list of items, and additionalItems behind it.
        first = [*_list(schema.get("prefixItems")), *_list(schema.get("items"))]
        rest = [schema.get(name) for name in ("items", "additionalItems", "unevaluatedItems")]
        found += [first[at]] if at < len(first) else [each for each in rest if isinstance(each, dict)]
        found.append(schema.get("contains"))
    return found


@lru_cache(1024)
def _matches(pattern: str, name: str) -> bool:
    try:
        # Not Python's own expressions: these take no longer than the name is long.
        return jsonschema_rs.is_valid({"pattern": pattern}, name)
    except ValueError:
        return True


def _at(schema: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and name.isdecimal() and int(name) < len(schema):
            schema = schema[int(name)]
        else:
            schema = _dict(schema).get(name)
    return schema


def _last(address: Any) -> str:
    return str(address).rpartition("/")[2].partition("#")[0]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


Marks = SecretMarks | SecretNames

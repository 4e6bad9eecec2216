"""What people do to functions: register one in another language, change it, switch it off. None is deleted.

Functions in Python say of themselves, in their code, what they are; people only switch them off and on.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction

from jobs import options
from jobs.exceptions import (
    FunctionExists,
    InvalidFunction,
    InvalidOption,
    InvalidPayload,
    StaleVersion,
    UnknownFunction,
    Violation,
)
from jobs.languages import PYTHON, language_title
from jobs.models import Function
from jobs.models.audit import audit
from jobs.payloads import check_text, dump
from jobs.registry import registry
from jobs.schemas import Validator, check_schema

#: A hyphen would end it: `node-thumbnail` is in the language node. Queues have such names, too.
LANGUAGE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,31}")
TITLE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
DESCRIPTION_MAX_LENGTH: Final = 20_000
DOCUMENT_MAX_BYTES: Final = 65_536
MAX_EXAMPLES: Final = 20

#: What may be changed of a function that is not in Python.
CHANGEABLE: Final = (
    *("description", "schema_definition", "examples", "version", "tags", "is_active"),
    *("cache_seconds", "timeout", "max_retries"),
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def register(actor: Any, language: str, title: str, **fields: Any) -> Function:
    """Add a function in another language than Python.

    Raises InvalidFunction, which names everything that is wrong, or FunctionExists.
    """
    if violations := [*_wrong_names(language, title), *faults(fields)]:
        raise InvalidFunction(violations)
    name = language_title(language, title)
    if name in registry:
        raise FunctionExists(name)
    function = Function(language=language, title=title, language_title=name, created_by=str(actor or ""), **fields)
    try:
        with transaction.atomic():
            function.save(force_insert=True)
            audit(actor, "register", function, after=fields)
    except IntegrityError as error:
        raise FunctionExists(name) from error
    function.refresh_from_db()
    return function


@transaction.atomic
def change(
    language_title: str, actor: Any, *, expected_version: int | None = None, reason: str = "", **changes: Any
) -> Function:
    """Change a function; of one in Python only `is_active`.

    Raises UnknownFunction, StaleVersion when `expected_version` is not its version any more, or InvalidFunction.
    """
    function = Function.objects.select_for_update().filter(language_title=language_title).first()
    if function is None:
        raise UnknownFunction(language_title)
    if expected_version is not None and expected_version != version_of(function):
        raise StaleVersion(version_of(function))
    if violations := _wrong_changes(function, changes):
        raise InvalidFunction(violations)
    before = {name: getattr(function, name) for name in changes}
    if before == changes:
        return function
    for name, value in changes.items():
        setattr(function, name, value)
    if "is_active" in changes:
        # From here on a person's word counts, not the handler's coming and going.
        function.vanished_at = None
    function.save(update_fields=[*changes, "vanished_at"])
    audit(actor, "change", function, reason, before=before, after=changes)
    function.refresh_from_db()
    return function


def version_of(function: Function) -> int:
    """Give a number that differs after every change: the microsecond of the last one."""
    return (function.updated_at - _EPOCH) // timedelta(microseconds=1)


def faults(fields: Mapping[str, Any]) -> list[Violation]:
    """Find everything that is wrong with a function's description; a field that is not there is not looked at."""
    found = [violation for name in fields for violation in _CHECKS[name](fields[name])]
    schema, examples = fields.get("schema_definition"), fields.get("examples")
    return found or _unfitting(schema, examples)


def _wrong_names(language: str, title: str) -> list[Violation]:
    found = []
    if language == PYTHON:
        found.append(Violation("/language", "python", "Python's functions register themselves: write a handler"))
    elif not LANGUAGE.fullmatch(language):
        found.append(Violation("/language", "invalid", "must be up to 32 letters, digits, dots or underscores"))
    if not TITLE.fullmatch(title):
        found.append(Violation("/title", "invalid", "must be up to 64 letters, digits, dots, dashes or underscores"))
    return found


def _wrong_changes(function: Function, changes: dict[str, Any]) -> list[Violation]:
    if function.language != PYTHON:
        now = {"schema_definition": function.schema_definition, "examples": function.examples}
        return faults({**now, **changes})
    if others := sorted(changes.keys() - {"is_active"}):
        return [Violation(f"/{name}", "python", "is decided by the handler's code") for name in others]
    if changes.get("is_active") and function.title not in registry:
        return [Violation("/is_active", "no-handler", "cannot be true: this installation has no handler for it")]
    return []


def _schema(value: Any) -> list[Violation]:
    return [] if value is None else _document("schema_definition", value, check_schema)


def _examples(value: Any) -> list[Violation]:
    return [] if value is None else _document("examples", value, _check_examples)


def _document(name: str, value: Any, check: Callable[[Any], list[Violation]]) -> list[Violation]:
    try:
        dump(value, DOCUMENT_MAX_BYTES, name)
    except InvalidPayload as error:
        found = error.violations
    else:
        found = check(value)
    return [Violation(f"/{name}{v.pointer}", v.code, v.detail) for v in found]


def _check_examples(examples: Any) -> list[Violation]:
    if not isinstance(examples, list) or len(examples) > MAX_EXAMPLES:
        return [Violation("", "type", f"must be a list of at most {MAX_EXAMPLES} objects")]
    return [
        Violation(f"/{index}", "type", "must be an object")
        for index, example in enumerate(examples)
        if not isinstance(example, dict)
    ]


def _unfitting(schema: Any, examples: Any) -> list[Violation]:
    if schema is None or not examples:
        return []
    validator = Validator(schema)
    return [
        Violation(f"/examples/{index}{violation.pointer}", violation.code, violation.detail)
        for index, example in enumerate(examples)
        for violation in validator.violations(example)
    ]


def _text(name: str, least: int, most: int) -> Callable[[Any], list[Violation]]:
    def check(value: Any) -> list[Violation]:
        if not isinstance(value, str) or not least <= len(value) <= most:
            return [Violation(f"/{name}", "length", f"must be a text of {least} to {most} characters")]
        problem = check_text(value)
        return [Violation(f"/{name}", *problem)] if problem else []

    return check


def _option(name: str, check: Callable[[Any], None]) -> Callable[[Any], list[Violation]]:
    def look(value: Any) -> list[Violation]:
        try:
            if value is not None:
                check(value)
        except InvalidOption as error:
            return [Violation(f"/{name}", "invalid", error.detail.rstrip("."))]
        return []

    return look


def _is_active(value: Any) -> list[Violation]:
    return [] if isinstance(value, bool) else [Violation("/is_active", "type", "must be true or false")]


_CHECKS: Final[dict[str, Callable[[Any], list[Violation]]]] = {
    "description": _text("description", 0, DESCRIPTION_MAX_LENGTH),
    "schema_definition": _schema,
    "examples": _examples,
    "version": _text("version", 1, options.VERSION_MAX_LENGTH),
    "tags": _option("tags", options.check_tags),
    "is_active": _is_active,
    "cache_seconds": _option("cache_seconds", options.check_cache_seconds),
    "timeout": _option("timeout", options.check_timeout),
    "max_retries": _option("max_retries", options.check_max_retries),
}

"""What queries ask of PostgreSQL that Django has no words for; values are bound, never written into the statement."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

from django.db import models
from django.db.models.expressions import Combinable

#: An operator and what stands behind it.
Test: TypeAlias = tuple[str, str]

_OPERATORS: Final = frozenset({"=", ">", ">=", "<", "<=", "LIKE", "~"})


class StringAt(models.Func):
    """The string under a key of a JSON column; NULL when there is something else, or nothing."""

    template = "(CASE jsonb_typeof(%(column)s -> %(key)s) WHEN 'string' THEN %(column)s ->> %(key)s END)"
    output_field = models.TextField()

    def __init__(self, column: str, key: str) -> None:
        super().__init__(models.F(column), models.Value(key))

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        column, key = (compiler.compile(expression) for expression in self.get_source_expressions())
        return self.template % {"column": column[0], "key": key[0]}, 2 * [*column[1], *key[1]]


class HasPath(models.Func):
    """Whether a path of a JSON column leads to anything."""

    template = "coalesce(jsonb_path_exists(%s, %s::jsonpath, %s::jsonb, true), false)"
    output_field = models.BooleanField()
    conditional = True

    def __init__(self, column: str, path: str, variables: str = "{}") -> None:
        super().__init__(models.F(column), models.Value(path), models.Value(variables))

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        compiled = [compiler.compile(expression) for expression in self.get_source_expressions()]
        return self.template % tuple(sql for sql, _ in compiled), [param for _, params in compiled for param in params]


class Source(Enum):
    """Where texts are: the column is one, has several in an array, or has them below a path."""

    COLUMN = "coalesce(%(tests)s, false)"
    ARRAY = "EXISTS (SELECT FROM unnest(%(subject)s) AS each (text) WHERE %(tests)s)"
    PATH = "EXISTS (SELECT FROM jsonb_path_query(%(subject)s, %(path)s::jsonpath) AS each (value) WHERE %(tests)s)"

    def text(self, subject: str) -> str:
        return {Source.COLUMN: subject, Source.ARRAY: "each.text", Source.PATH: "(each.value #>> '{}')"}[self]


class AnyText(models.Func):
    """Whether one text passes all tests, with its first `most` characters if that is said; an empty one never does.

    Compared by code point, as Python and the engine do. Never NULL, so that its opposite can be asked for.
    """

    output_field = models.BooleanField()
    conditional = True

    def __init__(
        self,
        subject: str | Combinable,
        tests: Sequence[Test],
        most: int | None = None,
        source: Source = Source.COLUMN,
        path: str = "",
    ) -> None:
        assert all(operator in _OPERATORS for operator, _ in tests)
        self.operators = [operator for operator, _ in tests]
        self.most, self.source = most, source
        values = [models.Value(value) for _, value in tests]
        super().__init__(models.F(subject) if isinstance(subject, str) else subject, models.Value(path), *values)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        (subject, of_subject), (path, of_path), *values = map(compiler.compile, self.get_source_expressions())
        in_column = self.source is Source.COLUMN
        text = self.source.text(subject)
        params = [*of_subject] if in_column else [*of_subject, *(of_path if self.source is Source.PATH else [])]
        compared = text if self.most is None else f"left({text}, {self.most})"
        tests = [f"{text} <> ''"]
        for operator, (value, of_value) in zip(self.operators, values, strict=True):
            tests.append(f'{compared} COLLATE "C" {operator} {value}')
            params += [*(of_subject if in_column else []), *of_value]
        return self.source.value % {"subject": subject, "path": path, "tests": " AND ".join(tests)}, params

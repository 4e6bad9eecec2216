from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models


class RowAfter(models.Func):
    """`(a, b) > (x, y)`: what comes after a row in an order of two columns, as one bound of an index scan.

    The same said with OR is no bound to the planner, and Django's own tuple lookups are not public.
    """

    output_field = models.BooleanField()
    conditional = True
    arity = 4
    sign = ">"

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts, params = [], []
        for expression in self.get_source_expressions():
            sql, its_params = compiler.compile(expression)
            parts.append(sql)
            params.extend(its_params)
        a, b, x, y = parts
        return f"({a}, {b}) {self.sign} ({x}, {y})", params


class RowBefore(RowAfter):
    """`(a, b) < (x, y)`: the same backwards."""

    sign = "<"


class HoldsUniqueKey(models.Func):
    """Whether a job holds its unique key in the status it has; word for word the condition of the unique index."""

    template = "(status = ANY (COALESCE(unique_states, ARRAY['pending', 'processing'])))"
    arity = 0
    output_field = models.BooleanField()
    conditional = True


class IsAmong(models.Func):
    """`id = ANY (array)`: thousands of ids as one parameter, where `__in` makes a parameter of each."""

    output_field = models.BooleanField()
    conditional = True
    arity = 1

    def __init__(self, column: Any, ids: Iterable[UUID], **extra: Any) -> None:
        super().__init__(column, **extra)
        self.ids = list(ids)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        (column,) = self.get_source_expressions()
        sql, params = compiler.compile(column)
        return f"{sql} = ANY (%s::uuid[])", [*params, self.ids]

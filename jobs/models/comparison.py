from typing import Any

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

"""What queries ask of PostgreSQL that Django has no words for; values are bound, never written into the statement."""

from typing import Any

from django.db import models
from django.db.models.expressions import Combinable


class StringAt(models.Func):
    """The string under a key of a JSON column; NULL when there is something else, or nothing."""

    output_field = models.TextField()

    def __init__(self, column: str | Combinable, key: str) -> None:
        super().__init__(models.F(column) if isinstance(column, str) else column, models.Value(key))

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        column, of_column = compiler.compile(self.source_expressions[0])
        key, of_key = compiler.compile(self.source_expressions[1])
        sql = f"(CASE WHEN jsonb_typeof({column} -> {key}) = 'string' THEN {column} ->> {key} END)"
        return sql, [*of_column, *of_key, *of_column, *of_key]

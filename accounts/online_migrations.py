"""Operations for tables that are in use: they commit as they go, so nobody waits for long.

Their migration has `atomic = False`; when it was interrupted it is run again and goes on. See docs/schema-changes.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import NotSupportedError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import truncate_name

from accounts.migration_operations import DatabaseOperation

#: The partitions of a table.
PARTITIONS: Final = """
SELECT child.oid::regclass::text, child.relname FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = %s::regclass ORDER BY child.relname
"""
#: A row, if the partition has its part of the table's index.
ATTACHED: Final = """
SELECT true FROM pg_inherits JOIN pg_index ON indexrelid = inhrelid
WHERE inhparent = to_regclass(%s) AND indrelid = %s::regclass
"""
VALID: Final = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class _Stepwise(DatabaseOperation):
    reduces_to_sql = False

    def may_run(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor) -> bool:
        if schema_editor.connection.in_atomic_block:
            raise NotSupportedError(f"{type(self).__name__} needs `atomic = False` in its migration.")
        return super().may_run(app_label, schema_editor)

    @contextmanager
    def _waiting_at_most(self, schema_editor: BaseDatabaseSchemaEditor, timeout: str) -> Iterator[None]:
        """Bound the wait for locks. LockTimeout cannot: outside of a transaction SET LOCAL does nothing."""
        schema_editor.execute(f"SET lock_timeout = {schema_editor.quote_value(timeout)}")
        try:
            yield
        finally:
            schema_editor.execute("RESET lock_timeout")


class AddPartitionedIndexConcurrently(_Stepwise):
    """Add an index to a partitioned table without keeping writers waiting: partition by partition, CONCURRENTLY.

    `definition` is what stands behind the table's name in CREATE INDEX: `USING brin (timestamp)`. PostgreSQL has no
    CREATE INDEX CONCURRENTLY for the whole table. Partitions that are made meanwhile get the index by themselves.
    """

    def __init__(self, table: str, name: str, definition: str, timeout: str = "5s") -> None:
        self.table = table
        self.name = name
        self.definition = definition
        self.timeout = timeout

    def forwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        with self._waiting_at_most(schema_editor, self.timeout):
            # Invalid, and used by no query, until every partition has its own.
            schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {self.name} ON ONLY {self.table} {self.definition}")
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(PARTITIONS, [self.table])
            partitions = cursor.fetchall()
        for partition, bare_name in partitions:
            if self._ask(schema_editor, ATTACHED, [self.name, partition]) is None:
                self._index_partition(schema_editor, partition, truncate_name(f"{bare_name}_{self.name}", 63))

    def _index_partition(self, schema_editor: BaseDatabaseSchemaEditor, partition: str, name: str) -> None:
        # It waits for all transactions that could see the old state, and nobody waits for it.
        with self._waiting_at_most(schema_editor, "0"):
            if self._ask(schema_editor, VALID, [name]) is False:
                # What an interrupted CREATE INDEX CONCURRENTLY leaves behind.
                schema_editor.execute(f"DROP INDEX CONCURRENTLY {name}")
            schema_editor.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {partition} {self.definition}")
        with self._waiting_at_most(schema_editor, self.timeout):
            schema_editor.execute(f"ALTER INDEX {self.name} ATTACH PARTITION {name}")

    def _ask(self, schema_editor: BaseDatabaseSchemaEditor, question: str, parameters: list[str]) -> Any:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(question, parameters)
            row = cursor.fetchone()
        return row and row[0]

    def backwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        with self._waiting_at_most(schema_editor, self.timeout):
            schema_editor.execute(f"DROP INDEX IF EXISTS {self.name}")

    def describe(self) -> str:
        return f"Add index {self.name} to each partition of {self.table}, concurrently"


class BackfillInBatches(_Stepwise):
    """Fill a column of the rows that are there already, some thousand rows and one short transaction at a time.

    `assignments` is what stands behind SET, `where` tells the rows that still lack it, so that it can be run again.
    The table's key must be the one column `id`. On the way back nothing happens: the column goes with its AddField.
    """

    def __init__(self, table: str, assignments: str, where: str, batch_size: int = 2_000, timeout: str = "5s") -> None:
        self.table = table
        self.assignments = assignments
        self.where = where
        self.batch_size = batch_size
        self.timeout = timeout

    def forwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        with self._waiting_at_most(schema_editor, self.timeout), schema_editor.connection.cursor() as cursor:
            last = None
            while True:
                cursor.execute(self._statement(last), {"last": last, "size": self.batch_size})
                row = cursor.fetchone()
                if row is None:
                    return
                last = row[0]

    def _statement(self, last: Any) -> str:
        """Name the last id of a batch. Rows are locked in the order of ids, as others who lock many of them do."""
        beyond = "id > %(last)s AND " if last is not None else ""
        return (
            f"WITH batch AS MATERIALIZED (SELECT id FROM {self.table} WHERE {beyond}({self.where}) "  # noqa: S608
            f"ORDER BY id LIMIT %(size)s FOR NO KEY UPDATE), "
            f"done AS (UPDATE {self.table} AS filled SET {self.assignments} FROM batch WHERE filled.id = batch.id) "
            f"SELECT id FROM batch ORDER BY id DESC LIMIT 1"
        )

    def database_backwards(self, *args: Any, **kwargs: Any) -> None:
        # Not even a refusal: there is nothing to take back.
        pass

    def describe(self) -> str:
        return f"Fill {self.table} in batches: {self.assignments}"

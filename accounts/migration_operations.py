from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class DatabaseOperation(Operation):
    """Base class: changes a database and nothing of Django's picture of it. Do not use directly."""

    reversible = True
    reduces_to_sql = True

    def forwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        raise NotImplementedError

    def backwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        raise NotImplementedError

    def may_run(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor) -> bool:
        """Tell whether the app's tables are in this database."""
        return router.allow_migrate(schema_editor.connection.alias, app_label)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if self.may_run(app_label, schema_editor):
            self.forwards(schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        if self.may_run(app_label, schema_editor):
            self.backwards(schema_editor)


class LockTimeout(DatabaseOperation):
    """Let the rest of this migration's transaction wait at most so long for a lock.

    A migration that queues behind a long query blocks everyone who comes after it, so it gives up instead and is run
    again. Put it first, and last as well where the way back takes locks too: backwards the operations run in reverse.
    """

    def __init__(self, timeout: str = "5s") -> None:
        self.timeout = timeout

    def forwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        timeout = schema_editor.quote_value(self.timeout)
        schema_editor.execute(f"SET LOCAL lock_timeout = {timeout}")

    def backwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        self.forwards(schema_editor)

    def describe(self) -> str:
        return f"Wait at most {self.timeout} for locks"


class RunSQLFile(RunSQL):
    """Run one named .sql file, and the given statement on the way back.

    A file that has been released is history: to change what it made, add another file and another migration.
    """

    def __init__(self, path: Path, reverse_sql: Any) -> None:
        # One string in a list is sent as it is: no splitting at the semicolons of a function body.
        super().__init__([path.read_text(encoding="utf-8")], reverse_sql)
        self.path = path

    def describe(self) -> str:
        return f"Run {self.path.name}"

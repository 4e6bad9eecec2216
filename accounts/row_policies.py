"""Row-level security in migrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts.migration_operations import DatabaseOperation

#: Read once for each query (a sub-select is), and NULL when nobody is named: after the first SET LOCAL of a
#: connection the value that is not set is '' there.
CURRENT_USER_ID: Final = "(SELECT NULLIF(current_setting('app.current_user_id', true), ''))"
CURRENT_USER_PK: Final = "(SELECT NULLIF(current_setting('app.current_user_pk', true), '')::uuid)"
CURRENT_ROLE: Final = "(SELECT NULLIF(current_setting('app.current_role', true), ''))"


class RowSecurity(DatabaseOperation):
    """Show and let change only those rows of a table that a policy names; without any it is empty for everyone else.

    The table's owner and the members of that role keep all rows, by a policy, because the security is forced on the
    owner too. What the database's roles see beyond that is given to them by `manage.py setup_roles`.
    """

    def __init__(self, table: str, policies: Mapping[str, str]) -> None:
        #: With its schema.
        self.table = table
        #: What comes after ON <table>, by the name of the policy.
        self.policies = policies

    def forwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        for name, rule in self._all().items():
            schema_editor.execute(f"CREATE POLICY {name} ON {self.table} {rule}", params=None)
        schema_editor.execute(f"ALTER TABLE {self.table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")

    def backwards(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        schema_editor.execute(f"ALTER TABLE {self.table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
        for name in self._all():
            schema_editor.execute(f"DROP POLICY {name} ON {self.table}")

    def describe(self) -> str:
        return f"Guard the rows of {self.table}"

    def _all(self) -> dict[str, str]:
        # Not TO the owner by name: a dump is restored under another owner.
        owner = f"(SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = '{self.table}'::regclass)"  # noqa: S608
        return {**self.policies, "owner_all": f"USING ({owner})"}

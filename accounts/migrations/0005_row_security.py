from pathlib import Path

from django.db import migrations

from accounts.migration_operations import LockTimeout, RunSQLFile
from accounts.row_policies import CURRENT_ROLE, CURRENT_USER_ID, CURRENT_USER_PK, RowSecurity

SQL = Path(__file__).parents[1] / "sql"

USERS = {
    "user_view_own": f"FOR SELECT USING (user_id = {CURRENT_USER_ID})",
    # A password, say; never one's own role.
    "user_change_own": (
        f"FOR UPDATE USING (user_id = {CURRENT_USER_ID}) "
        f"WITH CHECK (user_id = {CURRENT_USER_ID} AND role = {CURRENT_ROLE})"
    ),
    "admin_view_all": f"FOR ALL USING ({CURRENT_ROLE} = 'admin')",
}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_key_ends_and_bursts"),
    ]

    operations = [
        LockTimeout(),
        RunSQLFile(SQL / "act_as.sql", "DROP FUNCTION public.act_as(text, uuid, text)"),
        RunSQLFile(SQL / "find_key_owner.sql", "DROP FUNCTION meta.find_key_owner(text)"),
        migrations.RunSQL("REVOKE ALL ON FUNCTION meta.find_key_owner(text) FROM PUBLIC", migrations.RunSQL.noop),
        RowSecurity("meta.users", USERS),
        RowSecurity("public.idempotent_requests", {"user_own": f"USING (user_id = {CURRENT_USER_PK})"}),
        LockTimeout(),
    ]

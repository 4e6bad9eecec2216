from pathlib import Path

from django.db import migrations

import accounts.row_policies
from accounts.migration_operations import LockTimeout, RunSQLFile
from accounts.row_policies import CURRENT_USER_ID, RowSecurity

SHARED = Path(accounts.row_policies.__file__).parent / "sql"

OWN = {"user_own": f"USING (user_id = {CURRENT_USER_ID})"}
# What is everyone's together has '' for the user, which no policy takes for anybody.
TABLES = (
    "public.request_logs",
    "public.error_logs",
    "analytics.usage_hours",
    "analytics.usage_days",
    "analytics.error_hours",
)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_partitions")]

    operations = [
        LockTimeout(),
        # Where the logs have a database of their own, the accounts' migrations have done nothing there.
        RunSQLFile(SHARED / "act_as.sql", migrations.RunSQL.noop),
        *(RowSecurity(table, OWN) for table in TABLES),
        LockTimeout(),
    ]

from django.db import migrations

from accounts.migration_operations import LockTimeout
from accounts.row_policies import CURRENT_USER_ID, CURRENT_USER_PK, RowSecurity

OWN = {"user_own": f"USING (user_id = {CURRENT_USER_PK})"}


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0007_chores"),
        ("accounts", "0005_row_security"),
    ]

    operations = [
        LockTimeout(),
        RowSecurity("public.job_queue", OWN),
        RowSecurity("public.job_schedules", OWN),
        RowSecurity("meta.sessions", {"user_own": f"USING (user_id = {CURRENT_USER_ID})"}),
        RowSecurity("public.job_audit_log", {"actor_own": f"USING (actor_id = {CURRENT_USER_PK})"}),
        # They hold payloads, results and errors of users, and are shown to staff only.
        RowSecurity("public.job_tasks", {}),
        RowSecurity("public.job_dead_letter_queue", {}),
        RowSecurity("public.job_dead_letter_groups", {}),
        LockTimeout(),
    ]

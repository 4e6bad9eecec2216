"""The queue's own interface in SQL: functions for workers in any language, triggers that keep promises."""

from pathlib import Path
from typing import ClassVar

from django.db import migrations

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parent.parent / "sql"

FUNCTIONS = {
    "touch_job": "",
    "touch_row": "",
    "error_fingerprint": "text, jsonb",
    "start_jobs": "uuid[], text, interval",
    "acquire_job_lock": "text, text[], interval, integer, text[]",
    "take_lock": "uuid, bigint",
    "complete_jobs": "uuid[], bigint[], jsonb[]",
    "retry_jobs": "uuid[], bigint[], double precision[], jsonb[], boolean[]",
    "release_jobs": "uuid[], bigint[]",
    "cancel_jobs": "uuid[], bigint[]",
    "dead_letter_jobs": "uuid[], bigint[], jsonb[]",
    "complete_job": "uuid, bigint, jsonb",
    "fail_job": "uuid, bigint, text, text, jsonb, boolean, interval",
    "renew_job_locks": "uuid[], bigint[], interval",
    "renew_job_lock": "uuid, bigint, interval",
    "cleanup_expired_locks": "interval, integer",
    "enqueue_job": "text, jsonb, text, integer, timestamptz, integer, text, double precision, jsonb, text[]",
    "check_dead_letter": "",
    "count_dead_letters": "",
    "refuse_change": "",
}

DROP_TRIGGERS = [
    "DROP TRIGGER touch_job ON job_queue",
    "DROP TRIGGER touch_task ON job_tasks",
    "DROP TRIGGER touch_schedule ON job_schedules",
    "DROP TRIGGER job_enters_dead_letter ON job_queue",
    "DROP TRIGGER job_leaves_dead_letter ON job_queue",
    "DROP TRIGGER dead_letter_matches_job ON job_dead_letter_queue",
    "DROP TRIGGER count_new_dead_letters ON job_dead_letter_queue",
    "DROP TRIGGER count_changed_dead_letters ON job_dead_letter_queue",
    "DROP TRIGGER count_deleted_dead_letters ON job_dead_letter_queue",
    "DROP TRIGGER audit_append_only ON job_audit_log",
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("jobs", "0001_initial")]

    operations: ClassVar = [
        LockTimeout(),
        *(
            RunSQLFile(SQL / "functions" / f"{name}.sql", f"DROP FUNCTION {name}({arguments})")
            for name, arguments in FUNCTIONS.items()
        ),
        RunSQLFile(SQL / "triggers.sql", DROP_TRIGGERS),
        LockTimeout(),
    ]

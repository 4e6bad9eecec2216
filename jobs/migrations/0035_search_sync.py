from pathlib import Path
from typing import Final

from django.db import migrations

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL: Final = Path(__file__).parent.parent / "sql" / "functions"


class Migration(migrations.Migration):
    """What tells the search engine of deleted jobs, for whom search is switched on; and cheaper marks."""

    dependencies = [("jobs", "0034_search")]

    operations = [
        LockTimeout(),
        RunSQLFile(
            SQL / "touch_job_2.sql",
            # In a list it is sent as it is; a text would be cut at its semicolons.
            [(SQL / "touch_job.sql").read_text(encoding="utf-8")],
        ),
        RunSQLFile(
            SQL / "note_deleted_jobs.sql",
            [
                "DROP TRIGGER IF EXISTS note_deleted_jobs ON job_queue",
                "DROP FUNCTION note_deleted_jobs()",
            ],
        ),
        LockTimeout(),
    ]

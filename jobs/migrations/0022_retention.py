from pathlib import Path

from django.db import migrations

from accounts.migration_operations import LockTimeout, RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0021_steps_of_workflows"),
    ]

    operations = [
        LockTimeout(),
        RunSQLFile(FUNCTIONS / "prune_jobs.sql", "DROP FUNCTION prune_jobs(text, interval, uuid, uuid, integer)"),
        LockTimeout(),
    ]

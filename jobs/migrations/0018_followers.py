from pathlib import Path

from django.db import migrations, models

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    """Dependents of jobs that are there already, and children of cancelled ones."""

    dependencies = [
        ("jobs", "0017_tasks_and_events"),
    ]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="releasecheck",
            name="cause",
            field=models.TextField(
                choices=[
                    ("met", "A dependency is met"),
                    ("unmet", "A dependency cannot be met any more"),
                    ("begins", "It has begun to wait for jobs that were there before it"),
                ],
                db_default="met",
                default="met",
            ),
        ),
        *(
            RunSQLFile(SQL / "functions" / f"{name}.sql", f"DROP FUNCTION {name}{arguments}")
            for name, arguments in (
                ("dependency_status", "(text, text)"),
                ("follow_jobs", "(uuid[])"),
                ("cancel_children", "()"),
                ("cancel_late_child", "()"),
            )
        ),
        RunSQLFile(
            SQL / "family_triggers.sql",
            ["DROP TRIGGER cancel_late_child ON job_queue", "DROP TRIGGER cancel_children ON job_queue"],
        ),
        LockTimeout(),
    ]

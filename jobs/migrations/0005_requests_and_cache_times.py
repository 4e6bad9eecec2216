from pathlib import Path

from django.db import migrations, models

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parent.parent / "sql" / "functions"


def _before(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0004_readable_times"),
    ]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="function",
            name="cache_seconds",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="function",
            name="max_retries",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="function",
            name="timeout",
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="request_id",
            field=models.TextField(blank=True, null=True),
        ),
        # What a function gives back cannot be changed in place.
        *(
            operation
            for name, arguments in (
                ("start_jobs", "uuid[], text, interval"),
                ("acquire_job_lock", "text, text[], interval, integer, text[]"),
            )
            for operation in (
                migrations.RunSQL(f"DROP FUNCTION {name}({arguments})", [_before(name)]),
                RunSQLFile(SQL / f"{name}_2.sql", f"DROP FUNCTION {name}({arguments})"),
            )
        ),
        LockTimeout(),
    ]

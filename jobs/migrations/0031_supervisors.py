from pathlib import Path

import django.contrib.postgres.fields
from django.db import migrations, models

import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"


class Migration(migrations.Migration):
    """Supervisors that scale their workers, and what they scale by."""

    dependencies = [
        ("jobs", "0030_ai_providers"),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="Supervisor",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("hostname", models.TextField()),
                ("pid", models.IntegerField()),
                (
                    "queues",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        blank=True,
                        db_default=jobs.models.columns.EmptyArray(),
                        size=None,
                    ),
                ),
                (
                    "job_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        blank=True,
                        db_default=jobs.models.columns.EmptyArray(),
                        size=None,
                    ),
                ),
                ("least", models.IntegerField()),
                ("most", models.IntegerField()),
                ("target", models.IntegerField()),
                ("actual", models.IntegerField()),
                ("draining", models.IntegerField(db_default=0, default=0)),
                ("added", models.IntegerField(db_default=0, default=0)),
                ("drained", models.IntegerField(db_default=0, default=0)),
                ("replaced", models.IntegerField(db_default=0, default=0)),
                ("reason", models.TextField(blank=True, db_default="", default="")),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
                ("heartbeat_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
                ("stopped_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "job_supervisors", "ordering": ["-heartbeat_at"]},
        ),
        migrations.AddField(
            model_name="worker", name="supervisor", field=models.TextField(blank=True, db_default="", default="")
        ),
        RunSQLFile(FUNCTIONS / "starts_seen.sql", "DROP FUNCTION starts_seen(text, text)"),
        RunSQLFile(FUNCTIONS / "queue_backlog.sql", "DROP FUNCTION queue_backlog(text[], text[], integer)"),
        LockTimeout(),
    ]

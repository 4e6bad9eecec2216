import django.contrib.postgres.fields
from django.db import migrations, models

import jobs.models.columns
from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    """What happened in each queue by the minute, and how far its counters had come then."""

    dependencies = [("jobs", "0039_log_lines_of_jobs")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="QueueTotal",
            fields=[
                ("queue", models.TextField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(null=True)),
                ("enqueued", models.BigIntegerField(db_default=0)),
                ("attempts", models.BigIntegerField(db_default=0)),
                ("completed", models.BigIntegerField(db_default=0)),
                ("retried", models.BigIntegerField(db_default=0)),
                ("cancelled", models.BigIntegerField(db_default=0)),
                ("dead", models.BigIntegerField(db_default=0)),
                (
                    "waits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), db_default=jobs.models.columns.EmptyArray(), size=None
                    ),
                ),
                (
                    "runs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), db_default=jobs.models.columns.EmptyArray(), size=None
                    ),
                ),
            ],
            options={
                "db_table": "job_queue_totals",
                "ordering": ["queue"],
            },
        ),
        migrations.CreateModel(
            name="QueueMinute",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "queue", "grain", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("queue", models.TextField()),
                ("grain", models.SmallIntegerField()),
                ("at", models.DateTimeField()),
                ("samples", models.IntegerField(db_default=0)),
                ("seconds", models.FloatField(db_default=0.0)),
                ("enqueued", models.BigIntegerField(db_default=0)),
                ("attempts", models.BigIntegerField(db_default=0)),
                ("completed", models.BigIntegerField(db_default=0)),
                ("retried", models.BigIntegerField(db_default=0)),
                ("cancelled", models.BigIntegerField(db_default=0)),
                ("dead", models.BigIntegerField(db_default=0)),
                (
                    "waits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), db_default=jobs.models.columns.EmptyArray(), size=None
                    ),
                ),
                (
                    "runs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), db_default=jobs.models.columns.EmptyArray(), size=None
                    ),
                ),
                ("depth", models.BigIntegerField(db_default=0)),
                ("oldest", models.FloatField(db_default=0.0)),
                ("running", models.IntegerField(db_default=0)),
                ("workers", models.IntegerField(db_default=0)),
                ("slots", models.IntegerField(db_default=0)),
            ],
            options={
                "db_table": "job_queue_minutes",
                "ordering": ["grain", "at", "queue"],
                "indexes": [models.Index(models.F("grain"), models.F("at"), name="job_queue_minute_at")],
            },
        ),
        LockTimeout(),
    ]

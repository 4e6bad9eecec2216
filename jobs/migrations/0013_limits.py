from pathlib import Path
from typing import Any

import django.contrib.postgres.fields
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"
RATE = "^[1-9][0-9]{0,5}/([1-9][0-9]{0,4})?[smhd]$"


def _before(name: str) -> list[Any]:
    # In a list it is sent as it is; a text would be cut at its semicolons.
    return [(FUNCTIONS / f"{name}.sql").read_text(encoding="utf-8")]


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0012_lanes_and_followers"),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="LaneTurn",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "queue", "priority", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("queue", models.TextField()),
                ("priority", models.IntegerField()),
                ("lane_key", models.TextField(db_collation="C")),
            ],
            options={"db_table": "job_lane_turns", "ordering": ["queue", "priority"]},
        ),
        migrations.CreateModel(
            name="RateWindow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "key", "seconds", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.TextField()),
                ("seconds", models.FloatField()),
                ("slot", models.BigIntegerField()),
                ("counts", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ("touched_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
            ],
            options={"db_table": "job_rate_windows", "ordering": ["key", "seconds"]},
        ),
        migrations.AddField(
            model_name="processinglock",
            name="limited_queue",
            field=models.TextField(null=True),
        ),
        migrations.AddIndex(
            model_name="processinglock",
            index=models.Index(
                condition=models.Q(("limited_queue__isnull", False)),
                fields=["limited_queue"],
                name="lock_limited_queue",
            ),
        ),
        AddConstraintNotValid(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("concurrency_limit__isnull", True), ("concurrency_limit__gte", 1), _connector="OR"),
                name="job_limit_positive",
            ),
        ),
        AddConstraintNotValid(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_limit__isnull", True), ("rate_limit__regex", RATE), _connector="OR"),
                name="job_rate_readable",
            ),
        ),
        migrations.AddConstraint(
            model_name="queue",
            constraint=models.CheckConstraint(
                condition=models.Q(("concurrency_limit__isnull", True), ("concurrency_limit__gte", 1), _connector="OR"),
                name="queue_limit_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="queue",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_limit__isnull", True), ("rate_limit__regex", RATE), _connector="OR"),
                name="queue_rate_readable",
            ),
        ),
        RunSQLFile(FUNCTIONS / "expired_message.sql", "DROP FUNCTION expired_message(timestamptz)"),
        # What a function gives back cannot be changed in place.
        migrations.RunSQL("DROP FUNCTION start_jobs(uuid[], text, interval)", _before("start_jobs_2")),
        RunSQLFile(FUNCTIONS / "start_jobs_3.sql", "DROP FUNCTION start_jobs(uuid[], text, interval, boolean)"),
        LockTimeout(),
    ]

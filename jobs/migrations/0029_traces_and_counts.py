from pathlib import Path
from typing import Any

import django.contrib.postgres.fields
from django.db import migrations, models

import accounts.uuid7
import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parent.parent / "sql"
BEFORE = (
    "text, jsonb, text, integer, timestamptz, integer, text, double precision, jsonb, text[],"
    " text, integer, text, timestamptz"
)


def _before(name: str) -> list[Any]:
    # In a list it is sent as it is; a text would be cut at its semicolons.
    return [(SQL / "functions" / f"{name}.sql").read_text(encoding="utf-8")]


class Migration(migrations.Migration):
    """The trace that a job belongs to, and what /metrics counts beside the outcomes of attempts."""

    dependencies = [("jobs", "0028_loose_files")]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="job",
            name="traceparent",
            field=models.TextField(blank=True, editable=False, null=True),
        ),
        migrations.CreateModel(
            name="EventCount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=accounts.uuid7.DatabaseUUID7(),
                        default=accounts.uuid7.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.TextField()),
                ("queue", models.TextField(blank=True, db_default="", default="")),
                ("job_type", models.TextField(blank=True, db_default="", default="")),
                ("count", models.BigIntegerField()),
            ],
            options={"db_table": "job_event_counts", "ordering": ["name", "queue", "job_type"]},
        ),
        migrations.CreateModel(
            name="WaitCounter",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "name", "queue", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.TextField()),
                ("queue", models.TextField()),
                ("count", models.BigIntegerField(db_default=0)),
                ("seconds", models.FloatField(db_default=0.0)),
                (
                    "histogram",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), db_default=jobs.models.columns.EmptyArray(), size=None
                    ),
                ),
            ],
            options={"db_table": "job_wait_counters", "ordering": ["name", "queue"]},
        ),
        RunSQLFile(SQL / "functions" / "cleanup_expired_locks_2.sql", _before("cleanup_expired_locks")),
        RunSQLFile(SQL / "functions" / "note_dead_letters.sql", "DROP FUNCTION note_dead_letters()"),
        RunSQLFile(
            SQL / "dead_letter_counts.sql",
            [
                "DROP TRIGGER job_dead_letter_queue_noted ON job_dead_letter_queue",
                "DROP TRIGGER job_dead_letter_queue_settled ON job_dead_letter_queue",
            ],
        ),
        # Beside the old one, a call that names few arguments would fit both.
        migrations.RunSQL(f"DROP FUNCTION enqueue_job({BEFORE})", _before("enqueue_job_3")),
        RunSQLFile(SQL / "functions" / "enqueue_job_4.sql", f"DROP FUNCTION enqueue_job({BEFORE}, text)"),
        LockTimeout(),
    ]

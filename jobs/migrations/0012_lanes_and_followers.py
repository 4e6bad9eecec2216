from pathlib import Path

import django.db.models as models
from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations

import jobs.models.comparison
from accounts.migration_operations import RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"


def _before(name: str) -> list[str]:
    return [(FUNCTIONS / f"{name}.sql").read_text(encoding="utf-8")]


class Migration(migrations.Migration):
    """The queue's indexes anew, beside the jobs that go on: nobody waits for one that is being made."""

    atomic = False

    dependencies = [
        ("jobs", "0011_composition_and_limits"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("queue"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("scheduled_at"),
                models.F("id"),
                condition=models.Q(("lane_key__isnull", True), ("status", "pending"), ("waits_for__isnull", True)),
                name="job_ready",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("queue"),
                models.OrderBy(models.F("priority"), descending=True),
                models.F("lane_key"),
                models.F("scheduled_at"),
                models.F("id"),
                condition=models.Q(("lane_key__isnull", False), ("status", "pending"), ("waits_for__isnull", True)),
                name="job_lanes",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("waits_for"),
                models.F("scheduled_at"),
                models.F("id"),
                condition=models.Q(("status", "pending"), ("waits_for__isnull", False)),
                name="job_waiting",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("expires_at"),
                condition=models.Q(("expires_at__isnull", False), ("status", "pending")),
                name="job_expiry",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("parent"), models.F("id"), condition=models.Q(("parent__isnull", False)), name="job_children"
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("batch"), models.F("status"), condition=models.Q(("batch__isnull", False)), name="job_batch"
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY job_unique_key ON job_queue (job_type, unique_key, user_id)"
                    " NULLS NOT DISTINCT WHERE unique_key IS NOT NULL"
                    " AND (status = ANY (COALESCE(unique_states, ARRAY['pending', 'processing'])))",
                    "DROP INDEX CONCURRENTLY job_unique_key",
                ),
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY job_once_per_tick ON job_queue (schedule_id, scheduled_for)"
                    " WHERE schedule_id IS NOT NULL",
                    "DROP INDEX CONCURRENTLY job_once_per_tick",
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="job",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("unique_key__isnull", False), jobs.models.comparison.HoldsUniqueKey()),
                        fields=("job_type", "unique_key", "user"),
                        name="job_unique_key",
                        nulls_distinct=False,
                    ),
                ),
                migrations.AddConstraint(
                    model_name="job",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("schedule__isnull", False)),
                        fields=("schedule", "scheduled_for"),
                        name="job_once_per_tick",
                    ),
                ),
            ],
        ),
        ValidateConstraint("job", "job_waits_for_valid"),
        RunSQLFile(FUNCTIONS / "enqueue_job_2.sql", _before("enqueue_job")),
        RunSQLFile(
            FUNCTIONS / "acquire_job_lock_3.sql",
            ["DROP FUNCTION acquire_job_lock(text, text[], interval, integer, text[])", *_before("acquire_job_lock_2")],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX CONCURRENTLY job_unique_key_unfinished",
                    "CREATE UNIQUE INDEX CONCURRENTLY job_unique_key_unfinished"
                    " ON job_queue (job_type, unique_key, user_id) NULLS NOT DISTINCT"
                    " WHERE unique_key IS NOT NULL AND status IN ('pending', 'processing')",
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="job", name="job_unique_key_unfinished"),
            ],
        ),
        RemoveIndexConcurrently(model_name="job", name="job_claim"),
    ]

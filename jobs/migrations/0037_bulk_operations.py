import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.uuid7
import jobs.models.columns
from accounts.migration_operations import LockTimeout
from accounts.row_policies import RowSecurity


class Migration(migrations.Migration):
    """Acts on many rows, done piece by piece by jobs of the queue itself."""

    dependencies = [
        ("jobs", "0036_search_drifting_runs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="BulkOperation",
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
                ("target", models.TextField()),
                ("action", models.TextField()),
                ("selector", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                (
                    "arguments",
                    models.JSONField(
                        blank=True,
                        db_default=jobs.models.columns.EmptyJson(),
                        default=dict,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                    ),
                ),
                ("upper_bound", models.UUIDField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        db_default="waiting",
                        default="waiting",
                    ),
                ),
                ("state_reason", models.TextField(blank=True, db_default="", default="")),
                ("rate_per_second", models.FloatField(blank=True, null=True)),
                ("max_items", models.BigIntegerField(blank=True, null=True)),
                ("canary", models.IntegerField(blank=True, null=True)),
                ("canary_proceeds", models.BooleanField(db_default=False, default=False)),
                ("canary_seconds", models.FloatField(db_default=600.0, default=600.0)),
                ("canary_at", models.DateTimeField(blank=True, null=True)),
                ("proceeded_at", models.DateTimeField(blank=True, null=True)),
                ("matched", models.BigIntegerField(db_default=0, default=0)),
                ("matched_capped", models.BooleanField(db_default=False, default=False)),
                ("done", models.BigIntegerField(db_default=0, default=0)),
                ("skipped", models.BigIntegerField(db_default=0, default=0)),
                ("failed", models.BigIntegerField(db_default=0, default=0)),
                ("position", models.UUIDField(blank=True, null=True)),
                (
                    "put_off",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        blank=True,
                        db_default=jobs.models.columns.EmptyArray(),
                        default=list,
                        size=None,
                    ),
                ),
                ("next_at", models.DateTimeField(blank=True, null=True)),
                ("worked_at", models.DateTimeField(blank=True, null=True)),
                ("job", models.UUIDField(blank=True, null=True)),
                ("reason", models.TextField(blank=True, db_default="", default="")),
                ("actor_name", models.TextField(blank=True, db_default="", default="")),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                (
                    "again",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="jobs.bulkoperation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "job_bulk_operations",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="BulkItem",
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
                ("target_id", models.UUIDField()),
                ("outcome", models.TextField()),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
                (
                    "operation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="jobs.bulkoperation",
                    ),
                ),
            ],
            options={
                "db_table": "job_bulk_items",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="BulkChunk",
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
                (
                    "jobs",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None),
                ),
                ("is_canary", models.BooleanField(db_default=False, default=False)),
                (
                    "operation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="jobs.bulkoperation",
                    ),
                ),
            ],
            options={
                "db_table": "job_bulk_chunks",
                "ordering": ["id"],
            },
        ),
        migrations.AddIndex(
            model_name="bulkchunk",
            index=models.Index(fields=["operation", "id"], name="bulk_chunk_operation"),
        ),
        migrations.AddIndex(
            model_name="bulkoperation",
            index=models.Index(
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("state__in", ["cancelled", "completed", "failed"]), _negated=True),
                name="bulk_operation_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "running", "paused", "completed", "cancelled", "failed"])),
                name="bulk_operation_state_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(("target__in", ["job", "dead_letter"])), name="bulk_operation_target_valid"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("state__in", ["cancelled", "completed", "failed"])),
                    models.Q(
                        models.Q(("state__in", ["cancelled", "completed", "failed"]), _negated=True),
                        ("ended_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="bulk_operation_ended_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_per_second__isnull", True), ("rate_per_second__gt", 0), _connector="OR"),
                name="bulk_operation_rate_positive",
            ),
        ),
        migrations.AddIndex(
            model_name="bulkitem",
            index=models.Index(fields=["operation", "id"], name="bulk_item_operation"),
        ),
        migrations.AddConstraint(
            model_name="bulkitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["skipped", "failed"])), name="bulk_item_outcome_valid"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkitem",
            constraint=models.UniqueConstraint(fields=("operation", "target_id"), name="bulk_item_once"),
        ),
        # Of staff alone: operators, workers and readers are let in by the rights of their roles.
        RowSecurity("public.job_bulk_operations", {}),
        RowSecurity("public.job_bulk_items", {}),
        RowSecurity("public.job_bulk_chunks", {}),
        LockTimeout(),
    ]

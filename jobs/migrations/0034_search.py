import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.uuid7
import jobs.models.columns
from accounts.migration_operations import LockTimeout
from accounts.row_policies import CURRENT_USER_PK, RowSecurity


class Migration(migrations.Migration):
    """What search keeps in PostgreSQL; empty, and written by nobody, until `manage.py search enable`."""

    dependencies = [
        ("jobs", "0033_deleted_articles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="SearchSlot",
            fields=[
                ("number", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("token", models.BigIntegerField(db_default=0, default=0)),
                ("held_until", models.DateTimeField(blank=True, null=True)),
                ("holder", models.TextField(blank=True, db_default="", default="")),
            ],
            options={
                "db_table": "job_search_slots",
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="SearchTombstone",
            fields=[
                ("job_id", models.UUIDField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("deleted_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
            ],
            options={
                "db_table": "job_search_tombstones",
                "ordering": ["deleted_at"],
            },
        ),
        migrations.CreateModel(
            name="SearchIndex",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                (
                    "state",
                    models.TextField(
                        choices=[("building", "Building"), ("serving", "Serving"), ("retired", "Retired")],
                        db_default="building",
                        default="building",
                    ),
                ),
                ("mapping_version", models.IntegerField()),
                ("loaded_to", models.UUIDField(blank=True, null=True)),
                ("loaded", models.BigIntegerField(db_default=0, default=0)),
                ("expected", models.BigIntegerField(db_default=0, default=0)),
                ("loaded_at", models.DateTimeField(blank=True, null=True)),
                ("held_until", models.DateTimeField(blank=True, null=True)),
                ("token", models.BigIntegerField(db_default=0, default=0)),
                ("reconciled_at", models.DateTimeField(blank=True, null=True)),
                ("missing", models.BigIntegerField(blank=True, null=True)),
                ("stale", models.BigIntegerField(blank=True, null=True)),
                ("orphaned", models.BigIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                ("serving_since", models.DateTimeField(blank=True, null=True)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "search indexes",
                "db_table": "job_search_indexes",
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["building", "serving"])),
                        fields=("state",),
                        name="search_one_index_of_a_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["building", "serving", "retired"])),
                        name="search_index_state_valid",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "serving"), _negated=True),
                            ("serving_since__isnull", False),
                            _connector="OR",
                        ),
                        name="search_index_serving_since",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SearchRejection",
            fields=[
                ("job_id", models.UUIDField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("error_message", models.TextField()),
                ("tries", models.IntegerField(db_default=1, default=1)),
                ("rejected_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
                ("retry_at", models.DateTimeField()),
            ],
            options={
                "db_table": "job_search_rejections",
                "ordering": ["-rejected_at"],
                "indexes": [models.Index(fields=["retry_at"], name="search_rejection_retry")],
            },
        ),
        migrations.CreateModel(
            name="SavedSearch",
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
                ("name", models.CharField(max_length=80)),
                ("query", models.TextField()),
                ("sort", models.TextField(blank=True, db_default="", default="")),
                ("shared", models.BooleanField(db_default=False, default=False)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_searches",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "saved searches",
                "db_table": "job_saved_searches",
                "ordering": ["name", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "name"), name="saved_search_name"),
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="saved_search_named"),
                ],
            },
        ),
        RowSecurity(
            "public.job_saved_searches",
            {
                "user_own": f"USING (user_id = {CURRENT_USER_PK})",
                "user_shared": "FOR SELECT USING (shared)",
            },
        ),
        LockTimeout(),
    ]

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models

import accounts.uuid7
from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"
# The logs may live in a database of their own, which has none of what the other apps make.
SHARED = Path(accounts.uuid7.__file__).parent / "sql"
TABLES = (
    "runtime_metrics",
    "cache_metrics",
    "usage_hours",
    "usage_days",
    "error_hours",
    "rollup_state",
    "late_hours",
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [("accounts", "0002_request_guards")]

    operations = [
        LockTimeout(),
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS analytics", migrations.RunSQL.noop),
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS meta", migrations.RunSQL.noop),
        RunSQLFile(SHARED / "set_search_path.sql", migrations.RunSQL.noop),
        RunSQLFile(SHARED / "ekiden_uuid7.sql", migrations.RunSQL.noop),
        RunSQLFile(SQL / "request_logs.sql", "DROP TABLE public.request_logs"),
        RunSQLFile(SQL / "error_logs.sql", "DROP TABLE public.error_logs"),
        migrations.CreateModel(
            name="ErrorLog",
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
                ("request_timestamp", models.DateTimeField()),
                ("timestamp", models.DateTimeField()),
                ("user_id", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("error_code", models.CharField(max_length=64)),
                ("error_message", models.TextField()),
                ("stack_trace", models.TextField(blank=True, db_default="", default="")),
                ("context", models.JSONField(blank=True, null=True)),
            ],
            options={
                "db_table": "error_logs",
                "ordering": ["-id"],
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="RequestLog",
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
                ("request_id", models.CharField(max_length=128)),
                ("language_title", models.CharField(max_length=128)),
                ("timestamp", models.DateTimeField()),
                ("client_ip", models.CharField(blank=True, db_default="", default="", max_length=45)),
                ("user_id", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("request_headers", models.JSONField(blank=True, null=True)),
                ("request_payload", models.JSONField(blank=True, null=True)),
                ("response_payload", models.JSONField(blank=True, null=True)),
                ("status_code", models.IntegerField()),
                ("duration_ms", models.IntegerField()),
                ("cached", models.BooleanField(db_default=False, default=False)),
                ("error_details", models.JSONField(blank=True, null=True)),
                ("runtime_metrics", models.JSONField(blank=True, null=True)),
            ],
            options={
                "db_table": "request_logs",
                "ordering": ["-id"],
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="LateHour",
            fields=[
                ("hour", models.DateTimeField(primary_key=True, serialize=False)),
                ("touched_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "late_hours",
            },
        ),
        migrations.CreateModel(
            name="CacheMetrics",
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
                ("timestamp", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("language_title", models.CharField(max_length=128)),
                ("cache_hits", models.IntegerField()),
                ("cache_misses", models.IntegerField()),
                ("cache_hit_ratio", models.FloatField()),
                ("avg_cache_latency_ms", models.FloatField()),
                ("evictions", models.IntegerField()),
                ("memory_usage_mb", models.FloatField()),
            ],
            options={
                "db_table": "cache_metrics",
                "ordering": ["-timestamp", "language_title"],
                "constraints": [
                    models.UniqueConstraint(fields=("timestamp", "language_title"), name="cache_metrics_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ErrorHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField()),
                ("language_title", models.CharField(max_length=128)),
                ("user_id", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("error_code", models.CharField(max_length=64)),
                ("errors", models.BigIntegerField()),
                ("first_occurrence", models.DateTimeField()),
                ("last_occurrence", models.DateTimeField()),
                ("statuses", models.JSONField()),
                ("example", models.UUIDField()),
            ],
            options={
                "db_table": "error_hours",
                "ordering": ["hour", "language_title", "error_code"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user_id", "hour", "language_title", "error_code"), name="error_hours_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RollupState",
            fields=[
                ("id", models.SmallIntegerField(db_default=1, default=1, primary_key=True, serialize=False)),
                ("closed_until", models.DateTimeField()),
                ("data_through", models.DateTimeField()),
            ],
            options={
                "db_table": "rollup_state",
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="rollup_state_single")],
            },
        ),
        migrations.CreateModel(
            name="RuntimeMetrics",
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
                ("timestamp", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("language_title", models.CharField(max_length=128)),
                ("avg_duration_ms", models.FloatField()),
                ("p50_duration_ms", models.FloatField()),
                ("p90_duration_ms", models.FloatField()),
                ("p95_duration_ms", models.FloatField()),
                ("p99_duration_ms", models.FloatField()),
                ("request_count", models.IntegerField()),
                ("error_count", models.IntegerField()),
                ("cache_hit_count", models.IntegerField()),
                ("memory_usage_mb", models.FloatField(blank=True, null=True)),
                ("cpu_usage_percent", models.FloatField(blank=True, null=True)),
            ],
            options={
                "db_table": "runtime_metrics",
                "ordering": ["-timestamp", "language_title"],
                "constraints": [
                    models.UniqueConstraint(fields=("timestamp", "language_title"), name="runtime_metrics_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language_title", models.CharField(max_length=128)),
                ("user_id", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("requests", models.BigIntegerField()),
                ("successes", models.BigIntegerField()),
                ("errors", models.BigIntegerField()),
                ("cached", models.BigIntegerField()),
                ("duration_sum", models.BigIntegerField()),
                ("duration_min", models.IntegerField()),
                ("duration_max", models.IntegerField()),
                ("cached_duration_sum", models.BigIntegerField()),
                ("memory_sum", models.FloatField(db_default=0, default=0)),
                ("memory_count", models.BigIntegerField(db_default=0, default=0)),
                ("cpu_sum", models.FloatField(db_default=0, default=0)),
                ("cpu_count", models.BigIntegerField(db_default=0, default=0)),
                (
                    "buckets",
                    django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None),
                ),
                ("counts", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("day", models.DateTimeField()),
                ("unique_users", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "usage_days",
                "ordering": ["day", "language_title"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(fields=("user_id", "day", "language_title"), name="usage_days_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="UsageHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language_title", models.CharField(max_length=128)),
                ("user_id", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("requests", models.BigIntegerField()),
                ("successes", models.BigIntegerField()),
                ("errors", models.BigIntegerField()),
                ("cached", models.BigIntegerField()),
                ("duration_sum", models.BigIntegerField()),
                ("duration_min", models.IntegerField()),
                ("duration_max", models.IntegerField()),
                ("cached_duration_sum", models.BigIntegerField()),
                ("memory_sum", models.FloatField(db_default=0, default=0)),
                ("memory_count", models.BigIntegerField(db_default=0, default=0)),
                ("cpu_sum", models.FloatField(db_default=0, default=0)),
                ("cpu_count", models.BigIntegerField(db_default=0, default=0)),
                (
                    "buckets",
                    django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), size=None),
                ),
                ("counts", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("hour", models.DateTimeField()),
            ],
            options={
                "db_table": "usage_hours",
                "ordering": ["hour", "language_title"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(fields=("user_id", "hour", "language_title"), name="usage_hours_once")
                ],
            },
        ),
        *(
            migrations.RunSQL(
                f"ALTER TABLE public.{table} SET SCHEMA analytics", f"ALTER TABLE analytics.{table} SET SCHEMA public"
            )
            for table in TABLES
        ),
        LockTimeout(),
    ]

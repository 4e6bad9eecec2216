from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="RateLimitWindow",
            fields=[
                ("key", models.CharField(max_length=128, primary_key=True, serialize=False)),
                ("slot", models.BigIntegerField()),
                (
                    "counts",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None),
                ),
                ("accepted", models.BooleanField()),
                ("touched_at", models.DateTimeField()),
            ],
            options={
                "db_table": "rate_limit_windows",
            },
        ),
        # A count of the last minute is not worth the write-ahead log.
        migrations.RunSQL("ALTER TABLE rate_limit_windows SET UNLOGGED", migrations.RunSQL.noop),
        RunSQLFile(SQL / "spend_rate_limit.sql", "DROP FUNCTION public.spend_rate_limit(text, integer)"),
        migrations.CreateModel(
            name="IdempotentRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("route", models.CharField(max_length=255)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status", models.SmallIntegerField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "idempotent_requests",
                "indexes": [models.Index(fields=["created_at"], name="idempotent_requests_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "route", "key"), name="idempotent_requests_once")
                ],
            },
        ),
        LockTimeout(),
    ]

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.uuid7
import jobs.models.columns
from accounts.migration_operations import LockTimeout
from accounts.row_policies import CURRENT_USER_PK, RowSecurity

#: A user may see what they spent; only workers write it.
OWN = {"user_own": f"FOR SELECT USING (user_id = {CURRENT_USER_PK})"}


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0029_traces_and_counts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="CallSlot",
            fields=[
                ("number", models.IntegerField(primary_key=True, serialize=False)),
                ("token", models.UUIDField(blank=True, null=True)),
                ("taken_until", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "ai_call_slots",
                "ordering": ["number"],
            },
        ),
        migrations.CreateModel(
            name="DailySpend",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("amount", models.DecimalField(db_default=0, decimal_places=8, default=0, max_digits=14)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "ai_daily_spend",
                "ordering": ["-day", "user"],
            },
        ),
        migrations.CreateModel(
            name="ProviderCall",
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
                ("provider", models.TextField()),
                ("model", models.TextField(blank=True, db_default="", default="")),
                ("purpose", models.TextField()),
                ("job_id", models.UUIDField(blank=True, null=True)),
                ("input_tokens", models.IntegerField(db_default=0, default=0)),
                ("output_tokens", models.IntegerField(db_default=0, default=0)),
                ("cost", models.DecimalField(db_default=0, decimal_places=8, default=0, max_digits=14)),
                ("reserved", models.DecimalField(db_default=0, decimal_places=8, default=0, max_digits=14)),
                ("day", models.DateField()),
                ("seconds", models.FloatField(blank=True, null=True)),
                (
                    "outcome",
                    models.TextField(
                        choices=[
                            ("running", "Running"),
                            ("answered", "Answered"),
                            ("limited", "Rate limited"),
                            ("failed", "Failed"),
                            ("refused", "Refused"),
                            ("unusable", "Unusable"),
                            ("lost", "Lost"),
                        ],
                        db_default="running",
                        default="running",
                    ),
                ),
                ("error_code", models.TextField(blank=True, db_default="", default="")),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                ("expires_at", models.DateTimeField()),
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
                "verbose_name": "provider call",
                "db_table": "ai_calls",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ProviderDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "day", "provider", "outcome", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("provider", models.TextField()),
                ("outcome", models.TextField()),
                ("calls", models.BigIntegerField(db_default=0)),
                ("fallbacks", models.BigIntegerField(db_default=0)),
                ("input_tokens", models.BigIntegerField(db_default=0)),
                ("output_tokens", models.BigIntegerField(db_default=0)),
                ("cost", models.DecimalField(db_default=0, decimal_places=8, max_digits=18)),
                ("seconds", models.FloatField(db_default=0.0)),
            ],
            options={
                "db_table": "ai_provider_days",
                "ordering": ["-day", "provider", "outcome"],
            },
        ),
        migrations.CreateModel(
            name="ProviderState",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("failures", models.IntegerField(db_default=0, default=0)),
                ("trips", models.IntegerField(db_default=0, default=0)),
                ("open_until", models.DateTimeField(blank=True, null=True)),
                ("probe_until", models.DateTimeField(blank=True, null=True)),
                ("limited_until", models.DateTimeField(blank=True, null=True)),
                ("last_error_code", models.TextField(blank=True, db_default="", default="")),
                ("last_error_at", models.DateTimeField(blank=True, null=True)),
                ("last_answer_at", models.DateTimeField(blank=True, null=True)),
                ("updated_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
            ],
            options={
                "verbose_name": "provider",
                "db_table": "ai_providers",
                "ordering": ["name"],
            },
        ),
        migrations.AddConstraint(
            model_name="dailyspend",
            constraint=models.UniqueConstraint(
                fields=("day", "user"), name="ai_daily_spend_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="dailyspend",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", 0)), name="ai_daily_spend_not_negative"
            ),
        ),
        migrations.AddIndex(
            model_name="providercall",
            index=models.Index(
                condition=models.Q(("outcome", "running")), fields=["expires_at"], name="ai_call_running"
            ),
        ),
        migrations.AddConstraint(
            model_name="providercall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__in", ["running", "answered", "limited", "failed", "refused", "unusable", "lost"])
                ),
                name="ai_call_outcome_valid",
            ),
        ),
        RowSecurity("public.ai_calls", OWN),
        RowSecurity("public.ai_daily_spend", OWN),
        LockTimeout(),
    ]

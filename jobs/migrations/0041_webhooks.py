from pathlib import Path
from typing import Final

import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import accounts.uuid7
import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile
from accounts.row_policies import CURRENT_USER_PK, RowSecurity

SQL: Final = Path(__file__).parent.parent / "sql" / "functions"
OWN: Final = {"user_own": f"USING (user_id = {CURRENT_USER_PK})"}


class Migration(migrations.Migration):
    """Webhooks: who is told of what, what happened, what is on its way. Nothing is noted until somebody wants it."""

    dependencies = [
        ("jobs", "0040_queue_minutes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="WebhookDelivery",
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
                ("event_id", models.UUIDField()),
                ("event", models.TextField()),
                ("at", models.DateTimeField()),
                ("data", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                (
                    "state",
                    models.TextField(
                        choices=[("waiting", "Waiting"), ("delivered", "Delivered"), ("failed", "Failed")],
                        db_default="waiting",
                        default="waiting",
                    ),
                ),
                ("job", models.UUIDField(blank=True, null=True)),
                ("tries", models.IntegerField(db_default=0, default=0)),
                (
                    "attempts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.JSONField(),
                        blank=True,
                        db_default=jobs.models.columns.EmptyArray(),
                        default=list,
                        size=None,
                    ),
                ),
                ("last_status", models.SmallIntegerField(blank=True, null=True)),
                ("last_error", models.TextField(blank=True, db_default="", default="")),
                ("next_attempt_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "db_table": "job_webhook_deliveries",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
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
                ("url", models.TextField()),
                ("description", models.TextField(blank=True, db_default="", default="")),
                ("events", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                (
                    "job_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        blank=True,
                        db_default=jobs.models.columns.EmptyArray(),
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "queues",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        blank=True,
                        db_default=jobs.models.columns.EmptyArray(),
                        default=list,
                        size=None,
                    ),
                ),
                ("everyone", models.BooleanField(db_default=False, default=False)),
                ("is_active", models.BooleanField(db_default=True, default=True)),
                ("disabled_reason", models.TextField(blank=True, db_default="", default="")),
                ("disabled_at", models.DateTimeField(blank=True, null=True)),
                ("secret", models.TextField()),
                ("previous_secret", models.TextField(blank=True, db_default="", default="")),
                ("previous_until", models.DateTimeField(blank=True, null=True)),
                ("failing_since", models.DateTimeField(blank=True, null=True)),
                ("failures", models.IntegerField(db_default=0, default=0)),
                ("rests_until", models.DateTimeField(blank=True, null=True)),
                ("dropped", models.BigIntegerField(db_default=0, default=0)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                ("updated_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
            ],
            options={
                "db_table": "job_webhook_endpoints",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
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
                ("type", models.TextField()),
                ("at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
                ("user_id", models.UUIDField(blank=True, null=True)),
                ("job_type", models.TextField(blank=True, db_default="", default="")),
                ("queue", models.TextField(blank=True, db_default="", default="")),
                ("data", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
            ],
            options={
                "db_table": "job_webhook_events",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="webhook_endpoints",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="webhookdelivery",
            name="endpoint",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="jobs.webhookendpoint",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(
                models.F("user"), models.OrderBy(models.F("id"), descending=True), name="webhook_endpoint_owner"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(
                models.F("user"), condition=models.Q(("is_active", True)), name="webhook_endpoint_active"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("events", []), _negated=True), name="webhook_endpoint_has_events"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("previous_secret", ""), ("previous_until__isnull", True)),
                    models.Q(models.Q(("previous_secret", ""), _negated=True), ("previous_until__isnull", False)),
                    _connector="OR",
                ),
                name="webhook_endpoint_overlap_ends",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                models.F("endpoint"), models.OrderBy(models.F("id"), descending=True), name="webhook_delivery_endpoint"
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                models.F("endpoint"),
                models.F("state"),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("state", "delivered"), _negated=True),
                name="webhook_delivery_left",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                models.F("endpoint"),
                models.F("next_attempt_at"),
                models.F("id"),
                condition=models.Q(("job__isnull", True), ("state", "waiting")),
                name="webhook_delivery_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "delivered", "failed"])),
                name="webhook_delivery_state_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("state", "waiting")),
                    models.Q(models.Q(("state", "waiting"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="webhook_delivery_ended_has_time",
            ),
        ),
        RowSecurity("public.job_webhook_endpoints", OWN),
        RowSecurity("public.job_webhook_deliveries", OWN),
        # Written by triggers, read by workers.
        RowSecurity("public.job_webhook_events", {}),
        RunSQLFile(SQL / "webhook_event_wanted.sql", "DROP FUNCTION webhook_event_wanted(text, uuid, text, text)"),
        # With the triggers, if they are just there.
        RunSQLFile(SQL / "note_webhook_job_ends.sql", "DROP FUNCTION note_webhook_job_ends() CASCADE"),
        RunSQLFile(SQL / "note_webhook_new_jobs.sql", "DROP FUNCTION note_webhook_new_jobs() CASCADE"),
        RunSQLFile(SQL / "note_webhook_dead_letters.sql", "DROP FUNCTION note_webhook_dead_letters() CASCADE"),
        RunSQLFile(SQL / "note_webhook_queues.sql", "DROP FUNCTION note_webhook_queues() CASCADE"),
        RunSQLFile(SQL / "switch_webhook_events.sql", "DROP FUNCTION switch_webhook_events(boolean)"),
        RunSQLFile(
            SQL / "touch_webhook_endpoint.sql",
            "DROP FUNCTION touch_webhook_endpoint()",
        ),
        migrations.RunSQL(
            "CREATE TRIGGER touch_webhook_endpoint BEFORE UPDATE ON job_webhook_endpoints"
            " FOR EACH ROW EXECUTE FUNCTION touch_webhook_endpoint()",
            "DROP TRIGGER touch_webhook_endpoint ON job_webhook_endpoints",
        ),
        LockTimeout(),
    ]

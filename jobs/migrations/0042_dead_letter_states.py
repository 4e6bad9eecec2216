from pathlib import Path
from typing import Final

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile
from accounts.row_policies import RowSecurity

SQL: Final = Path(__file__).parent.parent / "sql"
FUNCTIONS: Final = SQL / "functions"
CHANGED: Final = ("check_dead_letter", "count_dead_letters", "note_dead_letters", "dead_letter_jobs")
NEW: Final = ("describe_dead_letter", "mark_redriven", "settle_redrive")


def _before(name: str) -> list[str]:
    text = (FUNCTIONS / f"{name}.sql").read_text(encoding="utf-8")
    return [text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")]


class Migration(migrations.Migration):
    """What people decide about dead letters and their groups, what becomes of redrives, and how groups grow."""

    dependencies = [
        ("jobs", "0041_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="DeadLetterHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "error_fingerprint", "hour", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("error_fingerprint", models.TextField()),
                ("hour", models.DateTimeField()),
                ("count", models.BigIntegerField()),
            ],
            options={
                "db_table": "job_dead_letter_hours",
                "ordering": ["error_fingerprint", "hour"],
            },
        ),
        migrations.CreateModel(
            name="DeadLetterTrait",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "error_fingerprint",
                        "kind",
                        "value",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("error_fingerprint", models.TextField()),
                ("kind", models.TextField()),
                ("value", models.TextField()),
                ("count", models.BigIntegerField()),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
            ],
            options={
                "db_table": "job_dead_letter_traits",
                "ordering": ["error_fingerprint", "kind", "value"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="deadletter",
            name="dead_letter_resolution_valid",
        ),
        migrations.RemoveConstraint(
            model_name="deadletter",
            name="dead_letter_resolved_has_time",
        ),
        migrations.AddField(
            model_name="deadletter",
            name="assignee",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="ignored_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="occurrence",
            field=models.IntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="queue",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="redrive_ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="redrive_outcome",
            field=models.TextField(
                blank=True,
                choices=[
                    ("succeeded", "It succeeded"),
                    ("died_again", "It died again"),
                    ("cancelled", "It was cancelled"),
                    ("failed", "It was given up"),
                ],
                db_default="",
                default="",
            ),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="redriven_queue",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="ticket",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="user",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="version",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="deadletter",
            name="worker",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="deadlettergroup",
            name="assignee",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deadlettergroup",
            name="muted_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadlettergroup",
            name="muted_versions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                blank=True,
                db_default=jobs.models.columns.EmptyArray(),
                default=list,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="deadlettergroup",
            name="note",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deadlettergroup",
            name="status",
            field=models.TextField(
                choices=[("open", "Open"), ("triaged", "Triaged"), ("ignored", "Muted"), ("resolved", "Resolved")],
                db_default="open",
                default="open",
            ),
        ),
        migrations.AddField(
            model_name="deadlettergroup",
            name="ticket",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deadlettergroup",
            name="user_count",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="job",
            name="redriven",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AlterField(
            model_name="deadletter",
            name="resolution_status",
            field=models.TextField(
                choices=[
                    ("open", "Open"),
                    ("triaged", "Triaged"),
                    ("ignored", "Ignored for now"),
                    ("redriven", "Redriven"),
                    ("discarded", "Discarded"),
                    ("resolved", "Resolved"),
                ],
                db_default="open",
                default="open",
            ),
        ),
        migrations.AddIndex(
            model_name="deadlettergroup",
            index=models.Index(
                models.OrderBy(models.F("last_seen_at"), descending=True),
                condition=models.Q(("open_count__gt", 0)),
                name="dead_letter_group_open",
            ),
        ),
        migrations.AddIndex(
            model_name="deadlettertrait",
            index=models.Index(fields=["kind", "value"], name="dead_letter_trait_value"),
        ),
        migrations.AddIndex(
            model_name="deadlettertrait",
            index=models.Index(fields=["last_seen_at"], name="dead_letter_trait_seen"),
        ),
        migrations.AddConstraint(
            model_name="deadlettergroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "triaged", "ignored", "resolved"])),
                name="dead_letter_group_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="deadlettergroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "ignored"),
                    models.Q(("muted_until__isnull", True), ("muted_versions", [])),
                    _connector="OR",
                ),
                name="dead_letter_group_muted",
            ),
        ),
        AddConstraintNotValid(
            model_name="deadletter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("resolution_status__in", ["open", "triaged", "ignored", "redriven", "discarded", "resolved"])
                ),
                name="dead_letter_resolution_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="deadletter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolution_status__in", ("open", "triaged", "ignored")), ("resolved_at__isnull", True)),
                    models.Q(
                        models.Q(("resolution_status__in", ("open", "triaged", "ignored")), _negated=True),
                        ("resolved_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="dead_letter_settled_has_time",
            ),
        ),
        AddConstraintNotValid(
            model_name="deadletter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ignored_until__isnull", False), ("resolution_status", "ignored")),
                    models.Q(
                        models.Q(("resolution_status", "ignored"), _negated=True), ("ignored_until__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="dead_letter_ignored_has_end",
            ),
        ),
        AddConstraintNotValid(
            model_name="deadletter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("redrive_ended_at__isnull", True), ("redrive_outcome", "")),
                    models.Q(
                        ("redrive_ended_at__isnull", False),
                        ("redrive_outcome__in", ["succeeded", "died_again", "cancelled", "failed"]),
                        ("resolution_status__in", ["redriven", "resolved"]),
                    ),
                    _connector="OR",
                ),
                name="dead_letter_outcome_of_redrive",
            ),
        ),
        RowSecurity("public.job_dead_letter_hours", {}),
        RowSecurity("public.job_dead_letter_traits", {}),
        *(RunSQLFile(FUNCTIONS / f"{name}_2.sql", _before(name)) for name in CHANGED),
        *(RunSQLFile(FUNCTIONS / f"{name}.sql", f"DROP FUNCTION {name}()") for name in NEW),
        RunSQLFile(
            SQL / "dead_letter_states.sql",
            [
                "DROP TRIGGER settle_redrive ON job_queue",
                "DROP TRIGGER mark_redriven ON job_queue",
                "DROP TRIGGER describe_dead_letter ON job_dead_letter_queue",
            ],
        ),
        # On the way back: the release before knows neither of these states.
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "UPDATE job_dead_letter_queue SET resolution_status = 'open', ignored_until = NULL"
            " WHERE resolution_status IN ('triaged', 'ignored')",
        ),
        LockTimeout(),
    ]

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import accounts.uuid7
import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile
from accounts.row_policies import CURRENT_USER_PK, RowSecurity

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"
#: What belongs to a job is for those who see the job.
OF_JOB = "EXISTS (SELECT FROM job_queue j WHERE j.id = job_id)"
OF_BOTH = f"{OF_JOB} AND EXISTS (SELECT FROM job_queue j WHERE j.id = depends_on_id)"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_restricted_users"),
        ("jobs", "0010_one_key_of_cached_values"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="Batch",
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
                ("name", models.TextField(blank=True, db_default="", default="")),
                ("total", models.IntegerField()),
                ("callback", models.UUIDField(blank=True, null=True)),
                ("metadata", models.JSONField(blank=True, db_default=jobs.models.columns.EmptyJson(), default=dict)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
            ],
            options={
                "verbose_name_plural": "batches",
                "db_table": "job_batches",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Dependency",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "condition",
                    models.TextField(
                        choices=[("completed", "Completed"), ("failed", "Failed"), ("ended", "Ended in any way")],
                        db_default="completed",
                        default="completed",
                    ),
                ),
                (
                    "status",
                    models.TextField(
                        choices=[("open", "Open"), ("met", "Met"), ("unmet", "Cannot be met any more")],
                        db_default="open",
                        default="open",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "dependencies",
                "db_table": "job_dependencies",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Event",
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
                ("payload", models.JSONField(db_default=jobs.models.columns.EmptyJson(), default=dict)),
                ("created_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp(), editable=False)),
            ],
            options={
                "db_table": "job_events",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="ReleaseCheck",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("job_id", models.UUIDField()),
            ],
            options={
                "db_table": "job_release_checks",
                "ordering": ["id"],
            },
        ),
        migrations.AlterModelOptions(
            name="task",
            options={"ordering": ["job", "position", "item"]},
        ),
        migrations.RemoveConstraint(
            model_name="task",
            name="task_once_per_job",
        ),
        migrations.AddField(
            model_name="job",
            name="concurrency_limit",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="has_followers",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="job",
            name="lane_key",
            field=models.TextField(blank=True, db_collation="C", editable=False, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="rate_limit",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="scheduled_for",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="unique_states",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="unique_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="waits_for",
            field=models.TextField(blank=True, choices=[("jobs", "Other jobs"), ("event", "An event")], null=True),
        ),
        migrations.AddField(
            model_name="processinglock",
            name="concurrency_key",
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name="queue",
            name="fair",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="queue",
            name="rate_limit",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="schedule",
            name="description",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="schedule",
            name="editable",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="schedule",
            name="last_error",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="schedule",
            name="last_job",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="schedule",
            name="misfire",
            field=models.TextField(
                choices=[
                    ("skip", "Skip them"),
                    ("latest", "Run once, for the latest"),
                    ("all", "Run all, up to the cap"),
                ],
                db_default="latest",
                default="latest",
            ),
        ),
        migrations.AddField(
            model_name="schedule",
            name="misfire_cap",
            field=models.IntegerField(db_default=10, default=10),
        ),
        migrations.AddField(
            model_name="schedule",
            name="overlap",
            field=models.TextField(
                choices=[("allow", "Run beside it"), ("skip", "Skip the time"), ("cancel", "Cancel the job before")],
                db_default="allow",
                default="allow",
            ),
        ),
        migrations.AddField(
            model_name="schedule",
            name="skipped",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="schedule",
            name="source",
            field=models.TextField(
                choices=[("code", "Code"), ("api", "API"), ("admin", "Admin")], db_default="admin", default="admin"
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="item",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="task",
            name="kind",
            field=models.TextField(
                choices=[("call", "Call"), ("map", "Item of a map"), ("sleep", "Sleep"), ("event", "Event")],
                db_default="call",
                default="call",
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="wake_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="schedule",
            name="name",
            field=models.TextField(),
        ),
        migrations.AddIndex(
            model_name="processinglock",
            index=models.Index(
                condition=models.Q(("concurrency_key__isnull", False)),
                fields=["concurrency_key"],
                name="lock_concurrency",
            ),
        ),
        migrations.AddIndex(
            model_name="schedule",
            index=models.Index(
                condition=models.Q(("is_active", True), ("is_deleted", False), ("next_run_at__isnull", False)),
                fields=["next_run_at"],
                name="schedule_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_deleted", False)),
                fields=("user", "name"),
                name="schedule_named_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="schedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("misfire__in", ["skip", "latest", "all"]), ("overlap__in", ["allow", "skip", "cancel"])
                ),
                name="schedule_rules_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(fields=("job", "position", "item"), name="task_once_per_job"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["call", "map", "sleep", "event"])), name="task_kind_valid"
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="user",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="batch",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="jobs",
                to="jobs.batch",
            ),
        ),
        migrations.AddField(
            model_name="dependency",
            name="depends_on",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="dependents",
                to="jobs.job",
            ),
        ),
        migrations.AddField(
            model_name="dependency",
            name="job",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="dependencies",
                to="jobs.job",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="job",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="events", to="jobs.job"
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="sent_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="task",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="jobs.task",
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(models.F("user"), models.OrderBy(models.F("id"), descending=True), name="batch_owner"),
        ),
        migrations.AddIndex(
            model_name="dependency",
            index=models.Index(fields=["depends_on", "job"], name="dependency_followers"),
        ),
        migrations.AddIndex(
            model_name="dependency",
            index=models.Index(condition=models.Q(("status", "open")), fields=["job"], name="dependency_open"),
        ),
        migrations.AddConstraint(
            model_name="dependency",
            constraint=models.UniqueConstraint(fields=("job", "depends_on"), name="dependency_once"),
        ),
        migrations.AddConstraint(
            model_name="dependency",
            constraint=models.CheckConstraint(
                condition=models.Q(("job", models.F("depends_on")), _negated=True), name="dependency_on_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="dependency",
            constraint=models.CheckConstraint(
                condition=models.Q(("condition__in", ["completed", "failed", "ended"])),
                name="dependency_condition_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="dependency",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "met", "unmet"])), name="dependency_status_valid"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["job", "name", "id"], name="event_of_job"),
        ),
        AddConstraintNotValid(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("waits_for__isnull", True), ("waits_for__in", ["jobs", "event"]), _connector="OR"),
                name="job_waits_for_valid",
            ),
        ),
        RowSecurity("public.job_batches", {"user_own": f"USING (user_id = {CURRENT_USER_PK})"}),
        RowSecurity("public.job_dependencies", {"jobs_own": f"USING ({OF_BOTH})"}),
        RowSecurity("public.job_events", {"job_own": f"USING ({OF_JOB})"}),
        migrations.RunSQL(
            f"CREATE POLICY job_own ON public.job_tasks USING ({OF_JOB})", "DROP POLICY job_own ON public.job_tasks"
        ),
        RunSQLFile(FUNCTIONS / "set_lane_key.sql", "DROP FUNCTION set_lane_key()"),
        RunSQLFile(FUNCTIONS / "settle_dependencies.sql", "DROP FUNCTION settle_dependencies()"),
        RunSQLFile(FUNCTIONS / "release_waiting_jobs.sql", "DROP FUNCTION release_waiting_jobs(integer)"),
        RunSQLFile(
            FUNCTIONS.parent / "composition_triggers.sql",
            ["DROP TRIGGER settle_dependencies ON job_queue", "DROP TRIGGER set_lane_key ON job_queue"],
        ),
        LockTimeout(),
    ]

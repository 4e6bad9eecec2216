from pathlib import Path
from typing import Final

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F

import jobs.models.event
from accounts.migration_operations import LockTimeout, RunSQLFile

SQL: Final = Path(__file__).parent.parent / "sql" / "functions"

FUNCTIONS: Final = {
    "record_tasks": "uuid, bigint, boolean, integer[], integer[], text[], text[], text[], jsonb[], bigint[], integer[],"
    " jsonb[], text[], text[], double precision[], double precision[]",
    "look_at_wait": "uuid, bigint, integer, text, text, jsonb, double precision, timestamptz, text",
    "suspend_jobs": "uuid[], bigint[], double precision[]",
    "release_timed_out_waits": "integer",
}


class Migration(migrations.Migration):
    """Tables that nothing has written to yet: rewriting them costs nothing."""

    dependencies = [
        ("jobs", "0016_firing_schedules"),
    ]

    operations = [
        LockTimeout(),
        migrations.RunSQL("CREATE SEQUENCE job_event_number_seq", "DROP SEQUENCE job_event_number_seq"),
        migrations.AlterModelOptions(name="task", options={"ordering": ["job", "place"]}),
        migrations.RemoveConstraint(model_name="task", name="task_once_per_job"),
        migrations.AddField(
            model_name="event",
            name="number",
            field=models.BigIntegerField(db_default=jobs.models.event.NextEventNumber(), editable=False),
        ),
        migrations.AddField(model_name="task", name="error_class", field=models.TextField(blank=True, null=True)),
        migrations.AddField(
            model_name="task", name="fingerprint", field=models.BigIntegerField(blank=True, editable=False, null=True)
        ),
        migrations.AddField(
            model_name="task",
            name="place",
            field=models.GeneratedField(
                db_persist=True,
                expression=F("position") * 4_294_967_296 + F("item"),
                output_field=models.BigIntegerField(),
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="task",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="jobs.task",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("task", None)), fields=["job", "name", "number"], name="event_untaken"
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("kind__in", ["sleep", "event"])), fields=["job", "name"], name="task_waits"
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(fields=("job", "place"), name="task_once_per_job"),
        ),
        *(
            RunSQLFile(SQL / f"{name}.sql", f"DROP FUNCTION {name}({arguments})")
            for name, arguments in FUNCTIONS.items()
        ),
        LockTimeout(),
    ]

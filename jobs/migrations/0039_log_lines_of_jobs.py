from pathlib import Path
from typing import Final

import django.db.models.deletion
from django.db import migrations, models

from accounts.migration_operations import LockTimeout, RunSQLFile
from accounts.row_policies import RowSecurity

SQL: Final = Path(__file__).parent.parent / "sql" / "functions"


class Migration(migrations.Migration):
    """The last lines that were logged while a job ran; they go with the job."""

    dependencies = [("jobs", "0038_pauses_that_end_and_wishes")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="LogLine",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "job_id", "attempt", "slot", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("attempt", models.IntegerField()),
                ("slot", models.SmallIntegerField()),
                ("number", models.IntegerField()),
                ("at", models.DateTimeField()),
                ("level", models.TextField()),
                ("logger", models.TextField()),
                ("message", models.TextField()),
                (
                    "job",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="log_lines",
                        to="jobs.job",
                    ),
                ),
            ],
            options={"db_table": "job_log_lines", "ordering": ["job_id", "attempt", "number"]},
        ),
        RowSecurity(
            "public.job_log_lines",
            {"job_own": "USING (EXISTS (SELECT FROM job_queue j WHERE j.id = job_id))"},
        ),
        RunSQLFile(
            SQL / "delete_jobs_2.sql",
            # In a list it is sent as it is; a text would be cut at its semicolons.
            [(SQL / "delete_jobs.sql").read_text(encoding="utf-8")],
        ),
        LockTimeout(),
    ]

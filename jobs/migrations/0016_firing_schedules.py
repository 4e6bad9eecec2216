from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from accounts.migration_operations import RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"


class Migration(migrations.Migration):
    """What firing a schedule asks for, and versions that only people raise."""

    atomic = False

    dependencies = [
        ("jobs", "0015_unique_keys_and_retention"),
    ]

    operations = [
        migrations.AddField(
            model_name="schedule",
            name="edited_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="schedule",
            name="vanished_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="schedule",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        RunSQLFile(
            FUNCTIONS / "touch_schedule.sql",
            "DROP TRIGGER touch_schedule ON job_schedules;"
            " CREATE TRIGGER touch_schedule BEFORE UPDATE ON job_schedules"
            " FOR EACH ROW EXECUTE FUNCTION touch_row();"
            " DROP FUNCTION touch_schedule()",
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("schedule"),
                models.F("id"),
                condition=models.Q(("schedule__isnull", False), ("status__in", ["pending", "processing"])),
                name="job_schedule_unfinished",
            ),
        ),
    ]

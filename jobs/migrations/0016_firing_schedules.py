from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.migration_operations import LockTimeout, RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"


class Migration(migrations.Migration):
    """Versions of schedules that only people raise."""

    dependencies = [
        ("jobs", "0015_unique_keys_and_retention"),
    ]

    operations = [
        LockTimeout(),
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
        LockTimeout(),
    ]

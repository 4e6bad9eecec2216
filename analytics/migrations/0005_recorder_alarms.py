from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [("analytics", "0004_rollups")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="RecorderAlarm",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("count", models.BigIntegerField(db_default=0, default=0)),
                ("latest_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "recorder_alarms", "ordering": ["name"]},
        ),
        migrations.RunSQL(
            "ALTER TABLE public.recorder_alarms SET SCHEMA analytics",
            "ALTER TABLE analytics.recorder_alarms SET SCHEMA public",
        ),
        LockTimeout(),
    ]

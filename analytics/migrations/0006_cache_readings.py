import django.db.models.functions.datetime
from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [("analytics", "0005_recorder_alarms")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="CacheReading",
            fields=[
                (
                    "taken_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), primary_key=True, serialize=False
                    ),
                ),
                ("evictions", models.BigIntegerField()),
                ("memory_usage_mb", models.FloatField()),
            ],
            options={"db_table": "cache_readings", "ordering": ["taken_at"]},
        ),
        migrations.RunSQL(
            "ALTER TABLE public.cache_readings SET SCHEMA analytics",
            "ALTER TABLE analytics.cache_readings SET SCHEMA public",
        ),
        LockTimeout(),
    ]

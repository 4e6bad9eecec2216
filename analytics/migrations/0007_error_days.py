from django.db import migrations, models

from accounts.migration_operations import LockTimeout
from accounts.row_policies import CURRENT_USER_ID, RowSecurity


class Migration(migrations.Migration):
    dependencies = [("analytics", "0006_cache_readings")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="ErrorDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language_title", models.CharField(max_length=128)),
                ("user_id", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("error_code", models.CharField(max_length=64)),
                ("errors", models.BigIntegerField()),
                ("first_occurrence", models.DateTimeField()),
                ("last_occurrence", models.DateTimeField()),
                ("statuses", models.JSONField()),
                ("example", models.UUIDField()),
                ("day", models.DateTimeField()),
            ],
            options={
                "db_table": "error_days",
                "ordering": ["day", "language_title", "error_code"],
                "abstract": False,
                "indexes": [models.Index(fields=["day"], name="error_days_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user_id", "day", "language_title", "error_code"), name="error_days_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE public.error_days SET SCHEMA analytics", "ALTER TABLE analytics.error_days SET SCHEMA public"
        ),
        # What is everyone's together has '' for the user, which no policy takes for anybody.
        RowSecurity("analytics.error_days", {"user_own": f"USING (user_id = {CURRENT_USER_ID})"}),
        LockTimeout(),
    ]

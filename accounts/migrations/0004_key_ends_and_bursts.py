from pathlib import Path

import django.core.validators
from django.db import migrations, models

import accounts.models
from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_schema_version"),
    ]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="user",
            name="api_key_expires_at",
            field=models.DateTimeField(blank=True, help_text="When the API key ends; empty means never.", null=True),
        ),
        migrations.AlterField(
            model_name="user",
            name="rate_limit_per_minute",
            field=models.IntegerField(
                db_default=100,
                default=accounts.models.default_rate_limit,
                help_text="API requests a minute.",
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="ratelimitwindow",
            name="debt",
            field=models.FloatField(db_default=0.0),
        ),
        # What a function takes cannot be changed in place. The new one answers calls of the old kind, too.
        migrations.RunSQL(
            "DROP FUNCTION public.spend_rate_limit(text, integer)",
            [(SQL / "spend_rate_limit.sql").read_text(encoding="utf-8")],
        ),
        RunSQLFile(SQL / "spend_rate_limit_2.sql", "DROP FUNCTION public.spend_rate_limit(text, integer, integer)"),
        LockTimeout(),
    ]

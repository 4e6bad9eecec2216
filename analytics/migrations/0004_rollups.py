from pathlib import Path

from django.db import migrations, models

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"
# In the order in which they call each other.
FUNCTIONS = {
    "bucket_lows": "",
    "duration_bucket": "integer",
    "bucket_value": "smallint",
    "histogram_percentile": "smallint[], bigint[], double precision",
    "first_uuid7": "timestamptz",
    "roll_up_hour": "timestamptz",
    "aggregate_daily_metrics": "date",
    "sum_up_day": "timestamptz",
    "roll_up_day": "timestamptz, integer",
    "close_hours": "timestamptz",
    "roll_up_hours": "integer",
    "roll_up_open_hour": "timestamptz",
    "prune_hours": "integer, integer",
    "cleanup_old_metrics": "integer",
}
VIEWS = ("daily_usage_stats", "function_performance", "error_summary")
MATERIALIZED_VIEW = "daily_stats_mv"


class Migration(migrations.Migration):
    dependencies = [("analytics", "0003_row_security")]

    operations = [
        LockTimeout(),
        migrations.AddIndex(model_name="errorhour", index=models.Index(fields=["hour"], name="error_hours_hour")),
        migrations.AddIndex(
            model_name="usageday",
            index=models.Index(fields=["user_id", "language_title", "day"], name="usage_days_function"),
        ),
        migrations.AddIndex(
            model_name="usageday",
            index=models.Index(fields=["language_title", "day", "user_id"], name="usage_days_users"),
        ),
        migrations.AddIndex(model_name="usageday", index=models.Index(fields=["day"], name="usage_days_day")),
        migrations.AddIndex(
            model_name="usagehour",
            index=models.Index(fields=["user_id", "language_title", "hour"], name="usage_hours_function"),
        ),
        migrations.AddIndex(model_name="usagehour", index=models.Index(fields=["hour"], name="usage_hours_hour")),
        *(
            RunSQLFile(SQL / "functions" / f"{name}.sql", f"DROP FUNCTION analytics.{name}({arguments})")
            for name, arguments in FUNCTIONS.items()
        ),
        *(RunSQLFile(SQL / "views" / f"{name}.sql", f"DROP VIEW analytics.{name}") for name in VIEWS),
        RunSQLFile(SQL / "views" / f"{MATERIALIZED_VIEW}.sql", f"DROP MATERIALIZED VIEW analytics.{MATERIALIZED_VIEW}"),
        # REFRESH … CONCURRENTLY needs it.
        migrations.RunSQL(
            f"CREATE UNIQUE INDEX {MATERIALIZED_VIEW}_once ON analytics.{MATERIALIZED_VIEW} (day, language_title)",
            migrations.RunSQL.noop,
        ),
        RunSQLFile(SQL / "functions" / "refresh_daily_stats.sql", "DROP FUNCTION analytics.refresh_daily_stats()"),
        # It acts with its owner's rights.
        migrations.RunSQL("REVOKE ALL ON FUNCTION analytics.refresh_daily_stats() FROM PUBLIC", migrations.RunSQL.noop),
        LockTimeout(),
    ]

from pathlib import Path

from django.db import migrations

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"


class Migration(migrations.Migration):
    """Count requests by a function whose plans are kept: it is part of each of them."""

    dependencies = [("accounts", "0007_tiers")]

    operations = [
        LockTimeout(),
        RunSQLFile(SQL / "spend_rate_limit_3.sql", [(SQL / "spend_rate_limit_2.sql").read_text(encoding="utf-8")]),
        LockTimeout(),
    ]

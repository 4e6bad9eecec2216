from pathlib import Path
from typing import Any

from django.db import migrations

from accounts.migration_operations import LockTimeout, RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"
BEFORE = "text, jsonb, text, integer, timestamptz, integer, text, double precision, jsonb, text[]"


def _before(name: str) -> list[Any]:
    # In a list it is sent as it is; a text would be cut at its semicolons.
    return [(FUNCTIONS / f"{name}.sql").read_text(encoding="utf-8")]


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0022_retention"),
    ]

    operations = [
        LockTimeout(),
        # Beside the old one, a call that names few arguments would fit both.
        migrations.RunSQL(f"DROP FUNCTION enqueue_job({BEFORE})", _before("enqueue_job_2")),
        RunSQLFile(
            FUNCTIONS / "enqueue_job_3.sql",
            f"DROP FUNCTION enqueue_job({BEFORE}, text, integer, text, timestamptz)",
        ),
        LockTimeout(),
    ]

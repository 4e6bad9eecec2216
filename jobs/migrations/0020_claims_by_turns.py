from pathlib import Path

from django.db import migrations

from accounts.migration_operations import LockTimeout, RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"
CLAIM = "text, interval, text, integer, text[], integer, integer, text[], text[], timestamptz[], uuid[]"
#: What calls others comes behind them.
NEW = {
    "rate_of": "text",
    "note_starts": "text, text, integer",
    "starts_left": "text, text",
    "lane_group": "text",
    "keyed_lanes": "text, integer, text, jsonb, integer",
    "claim_lanes": CLAIM,
    "pass_lane_turn": "text, integer, text",
    "cancel_expired_jobs": "integer",
}


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0019_deleted_jobs"),
    ]

    operations = [
        LockTimeout(),
        *(
            RunSQLFile(FUNCTIONS / f"{name}.sql", f"DROP FUNCTION {name}({arguments})")
            for name, arguments in NEW.items()
        ),
        LockTimeout(),
    ]

from pathlib import Path

from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"
FUNCTIONS = {
    "log_partitions": "",
    "create_log_partitions": "timestamptz, integer, text",
    "old_log_partitions": "integer",
    "drop_old_partitions": "integer, boolean",
}


def create_partitions(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT create_log_partitions(now(), 3, %s)", [settings.LOG_PARTITIONS])


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]

    operations = [
        LockTimeout(),
        *(
            RunSQLFile(SQL / f"{name}.sql", f"DROP FUNCTION public.{name}({arguments})")
            for name, arguments in FUNCTIONS.items()
        ),
        # They act with their owner's rights.
        migrations.RunSQL(
            [
                f"REVOKE ALL ON FUNCTION public.{name}({FUNCTIONS[name]}) FROM PUBLIC"
                for name in ("create_log_partitions", "drop_old_partitions")
            ],
            migrations.RunSQL.noop,
        ),
        # On the way back they stay, with what is in them.
        migrations.RunPython(create_partitions, migrations.RunPython.noop),
        LockTimeout(),
    ]

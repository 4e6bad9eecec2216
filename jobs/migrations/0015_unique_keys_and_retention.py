from pathlib import Path

from django.db import migrations, models

import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile

FUNCTIONS = Path(__file__).parent.parent / "sql" / "functions"


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0014_expiry_of_unstarted"),
    ]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="chore",
            name="memory",
            field=models.JSONField(blank=True, db_default=jobs.models.columns.EmptyJson(), default=dict),
        ),
        RunSQLFile(FUNCTIONS / "let_go_of_unique_key.sql", "DROP FUNCTION let_go_of_unique_key()"),
        RunSQLFile(FUNCTIONS / "delete_jobs.sql", "DROP FUNCTION delete_jobs(uuid[])"),
        # Only jobs with states of their own pay for it.
        migrations.RunSQL(
            "CREATE TRIGGER let_go_of_unique_key BEFORE UPDATE OF status ON job_queue FOR EACH ROW"
            " WHEN (NEW.unique_states IS NOT NULL AND NEW.status <> OLD.status)"
            " EXECUTE FUNCTION let_go_of_unique_key()",
            "DROP TRIGGER let_go_of_unique_key ON job_queue",
        ),
        LockTimeout(),
    ]

from pathlib import Path

from django.db import migrations, models

import jobs.models.columns
from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    """Files that no podcast has, or has any more: workers delete them."""

    dependencies = [("jobs", "0027_articles_outlive_workflows")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="LooseFile",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
            ],
            options={"db_table": "loose_files", "ordering": ["name"]},
        ),
        RunSQLFile(SQL / "functions" / "let_go_of_audio.sql", "DROP FUNCTION let_go_of_audio()"),
        migrations.RunSQL(
            "CREATE TRIGGER let_go_of_audio AFTER DELETE OR UPDATE OF audio ON article_podcasts"
            " FOR EACH ROW EXECUTE FUNCTION let_go_of_audio()",
            "DROP TRIGGER let_go_of_audio ON article_podcasts",
        ),
        LockTimeout(),
    ]

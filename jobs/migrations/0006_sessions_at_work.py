from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import jobs.models.session
from accounts.migration_operations import LockTimeout, RunSQLFile

SQL = Path(__file__).parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0005_requests_and_cache_times"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        LockTimeout(),
        migrations.AlterModelOptions(
            name="session",
            options={"ordering": ["-request_id"]},
        ),
        migrations.AlterField(
            model_name="session",
            name="request_id",
            field=models.CharField(
                default=jobs.models.session.new_request_id, max_length=64, primary_key=True, serialize=False
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["user", "request_id"], name="session_owned"),
        ),
        migrations.AlterField(
            model_name="session",
            name="user",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sessions",
                to=settings.AUTH_USER_MODEL,
                to_field="user_id",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("status", "active"), _negated=True),
                fields=["expires_at"],
                name="session_retention",
            ),
        ),
        RunSQLFile(
            SQL / "functions" / "update_session_on_execute.sql", "DROP FUNCTION meta.update_session_on_execute()"
        ),
        RunSQLFile(SQL / "session_triggers.sql", "DROP TRIGGER update_session_on_execute ON meta.sessions"),
        RunSQLFile(
            SQL / "functions" / "cleanup_expired_sessions.sql", "DROP FUNCTION meta.cleanup_expired_sessions(integer)"
        ),
        RunSQLFile(
            SQL / "functions" / "delete_old_sessions.sql", "DROP FUNCTION meta.delete_old_sessions(integer, integer)"
        ),
        LockTimeout(),
    ]

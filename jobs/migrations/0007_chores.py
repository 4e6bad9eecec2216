from django.db import migrations, models

import jobs.models.columns
from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0006_sessions_at_work"),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="Chore",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(db_default=jobs.models.columns.ClockTimestamp())),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("error_message", models.TextField(blank=True, db_default="", default="")),
            ],
            options={
                "db_table": "job_chores",
                "ordering": ["name"],
            },
        ),
        LockTimeout(),
    ]

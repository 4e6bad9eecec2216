from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_console_preferences")]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="LoginLock",
            fields=[
                ("key", models.CharField(max_length=128, primary_key=True, serialize=False)),
                ("name", models.CharField(blank=True, db_default="", default="", max_length=128)),
                ("network", models.CharField(max_length=64)),
                ("failures", models.PositiveIntegerField(db_default=0, default=0)),
                ("last_failed_at", models.DateTimeField(blank=True, null=True)),
                ("locked_until", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "login_locks", "ordering": ("-last_failed_at",), "verbose_name": "lock-out"},
        ),
        LockTimeout(),
    ]

import django.db.models.functions.datetime
from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_request_guards"),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="SchemaVersion",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("version", models.CharField(max_length=32, unique=True)),
                ("description", models.TextField()),
                ("applied_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("applied_by", models.CharField(max_length=128)),
            ],
            options={
                "db_table": "schema_version",
                "ordering": ("applied_at", "id"),
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE public.schema_version SET SCHEMA meta", "ALTER TABLE meta.schema_version SET SCHEMA public"
        ),
        LockTimeout(),
    ]

import django.contrib.postgres.indexes
from django.db import migrations, models
from django.db.models.functions import Concat

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0008_row_security"),
    ]

    operations = [
        LockTimeout(),
        migrations.CreateModel(
            name="CacheCounter",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("count", models.BigIntegerField(db_default=0)),
            ],
            options={
                "db_table": "cache_counters",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="CachedValue",
            fields=[
                ("cache_key", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("value", models.TextField()),
                ("expires", models.DateTimeField()),
            ],
            options={
                "db_table": "cached_values",
                "ordering": ["cache_key"],
                "indexes": [models.Index(fields=["expires"], name="cached_values_expiry")],
            },
        ),
        # A crash empties it, and then results are computed again: that is worth half the writes.
        migrations.RunSQL("ALTER TABLE cached_values SET UNLOGGED", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="function",
            name="vanished_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="function",
            index=models.Index(fields=["language", "language_title"], name="function_language"),
        ),
        migrations.AddIndex(
            model_name="function",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="function_tags"),
        ),
        migrations.AddConstraint(
            model_name="function",
            constraint=models.CheckConstraint(
                condition=models.Q(("language_title", Concat("language", models.Value("-"), "title"))),
                name="function_named_by_parts",
            ),
        ),
        migrations.RunSQL(
            "CREATE TRIGGER update_functions_timestamp BEFORE UPDATE ON meta.functions "
            "FOR EACH ROW EXECUTE FUNCTION meta.update_timestamp()",
            "DROP TRIGGER update_functions_timestamp ON meta.functions",
        ),
        LockTimeout(),
    ]

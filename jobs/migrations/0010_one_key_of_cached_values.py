from django.db import migrations

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0009_catalogue_and_cache"),
    ]

    operations = [
        LockTimeout(),
        # Django's second index of a text key, for LIKE, which nobody asks for. The migration that makes the table makes
        # it at its very end, so it cannot be dropped there.
        migrations.RunSQL(
            "DROP INDEX cached_values_cache_key_87a2bbb9_like",
            "CREATE INDEX cached_values_cache_key_87a2bbb9_like ON cached_values (cache_key varchar_pattern_ops)",
        ),
        LockTimeout(),
    ]

from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    """Whether reconciliations keep finding something, which one alone does not tell."""

    dependencies = [("jobs", "0035_search_sync")]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="searchindex", name="drifting_runs", field=models.IntegerField(db_default=0, default=0)
        ),
        LockTimeout(),
    ]

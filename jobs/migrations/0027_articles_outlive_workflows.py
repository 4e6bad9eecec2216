import django.db.models.deletion
from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    """Let workflows be pruned with their jobs while the articles stay that they worked on."""

    dependencies = [("jobs", "0026_clocks_of_workers")]

    operations = [
        LockTimeout(),
        migrations.AlterField(
            model_name="article",
            name="batch",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="jobs.batch",
            ),
        ),
        LockTimeout(),
    ]

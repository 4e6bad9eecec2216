from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    """What a worker says of its host's clock and of its code, for `manage.py doctor`."""

    dependencies = [("jobs", "0025_articles")]

    operations = [
        LockTimeout(),
        migrations.AddField(model_name="worker", name="clock_offset", field=models.FloatField(blank=True, null=True)),
        migrations.AddField(
            model_name="worker", name="release", field=models.TextField(blank=True, db_default="", default="")
        ),
        LockTimeout(),
    ]

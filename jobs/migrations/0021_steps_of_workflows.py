from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0020_claims_by_turns"),
    ]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="batch",
            name="steps",
            field=models.JSONField(blank=True, null=True),
        ),
        LockTimeout(),
    ]

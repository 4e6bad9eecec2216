from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_row_security"),
    ]

    operations = [
        LockTimeout(),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("allowed_languages__isnull", False)), fields=["id"], name="users_restricted"
            ),
        ),
        LockTimeout(),
    ]

from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [("jobs", "0032_article_vectors")]

    operations = [
        LockTimeout(),
        migrations.AddIndex(
            model_name="article",
            index=models.Index(condition=models.Q(("is_deleted", True)), fields=["updated_at"], name="article_deleted"),
        ),
        LockTimeout(),
    ]

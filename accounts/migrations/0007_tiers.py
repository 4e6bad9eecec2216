from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_restricted_users")]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="user",
            name="tier",
            field=models.CharField(
                choices=[("free", "Free"), ("standard", "Standard"), ("premium", "Premium")],
                db_default="standard",
                default="standard",
                help_text="How soon their jobs come: priorities of job types may go by it.",
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("tier__in", ["free", "standard", "premium"])), name="users_tier_known"
            ),
        ),
        LockTimeout(),
    ]

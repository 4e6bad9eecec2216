from django.db import migrations, models

from accounts.migration_operations import LockTimeout


class Migration(migrations.Migration):
    """Pauses of queues that end by themselves, and what is asked of one worker."""

    dependencies = [
        ("jobs", "0037_bulk_operations"),
    ]

    operations = [
        LockTimeout(),
        migrations.AddField(
            model_name="queue", name="paused_by", field=models.TextField(blank=True, db_default="", default="")
        ),
        migrations.AddField(model_name="queue", name="resume_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            model_name="worker",
            name="wish",
            field=models.TextField(
                blank=True,
                choices=[
                    ("", "Nothing"),
                    ("quiet", "Claim nothing until told otherwise"),
                    ("drain", "Claim nothing more, finish what runs, and end"),
                ],
                db_default="",
                default="",
            ),
        ),
        migrations.AddField(model_name="worker", name="wished_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            model_name="worker", name="wished_by", field=models.TextField(blank=True, db_default="", default="")
        ),
        LockTimeout(),
    ]

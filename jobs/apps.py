from django.apps import AppConfig
from django.db.models.signals import post_migrate


class JobsConfig(AppConfig):
    """The queue: models, enqueue, worker, API and admin."""

    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from jobs import checks  # noqa: F401 - registers the system checks
        from jobs.registry import registry
        from jobs.synchronizing import synchronize_migrated

        registry.discover()
        post_migrate.connect(synchronize_migrated, sender=self)

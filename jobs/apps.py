from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The queue: models, enqueue, worker, API and admin."""

    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from jobs import checks  # noqa: F401 - registers the system checks
        from jobs.registry import registry

        registry.discover()

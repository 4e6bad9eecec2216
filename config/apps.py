from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import doctor, pool_checks
        from config.roles import own_role
        from config.schema_version import record_migrations

        # Of all apps' signals, which come one after the other when everything has run, one is enough.
        post_migrate.connect(record_migrations, sender=apps.get_app_config("accounts"))
        own_role.watch()
        if settings.TRACES_EXPORTER:
            from config.telemetry import starting

            starting.start(settings.PROCESS, settings.TRACES_EXPORTER, settings.TRACES_SERVICE_NAME)
        doctor.register()
        if settings.PROCESS == "web":
            pool_checks.install()

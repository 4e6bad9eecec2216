from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from analytics import chores, doctor, upkeep
        from analytics.completion import note_endings
        from jobs.observers import observe

        observe(note_endings)
        upkeep.register()
        chores.register()
        doctor.register()

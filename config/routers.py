from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

if TYPE_CHECKING:
    from django.db.models import Model

#: The alias that LOGS_DATABASE_URL makes.
LOGS: Final = "logs"


class LogsRouter:
    """Keep the request logs and analytics in the database of LOGS_DATABASE_URL, and nothing else there.

    Without that setting they live with everything else. Code asks the router for the alias and never names one.
    """

    APP: Final = "analytics"

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return LOGS if self._moved(model._meta.app_label) else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return LOGS if self._moved(model._meta.app_label) else None

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool | None:
        """Refuse what no constraint could hold: a relation across two databases."""
        return None if self._moved(first._meta.app_label) == self._moved(second._meta.app_label) else False

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Skip each migration's operations where its app does not live; they are recorded as applied there."""
        if LOGS not in settings.DATABASES or db not in (DEFAULT_DB_ALIAS, LOGS):
            return None
        return (db == LOGS) == (app_label == self.APP)

    def _moved(self, app_label: str) -> bool:
        return app_label == self.APP and LOGS in settings.DATABASES

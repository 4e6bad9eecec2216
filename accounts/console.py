"""Django's admin with our logins: what `django.contrib.admin` is among the installed apps, under the same label."""

from django.conf import settings
from django.contrib.admin.apps import AdminConfig, SimpleAdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "accounts.console_site.ConsoleSite"

    def ready(self) -> None:
        # Nobody looks at pages in a worker, and what makes them takes 10 MB. Should it ask for an address after all,
        # config.urls finds them.
        if settings.PROCESS == "worker":
            SimpleAdminConfig.ready(self)
        else:
            super().ready()

"""Django's admin with our logins: what `django.contrib.admin` is among the installed apps, under the same label."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    default_site = "accounts.console_site.ConsoleSite"

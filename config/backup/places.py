"""Where the databases are, for a command that talks to them beside Django."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config import embedded
from config.backup.making import Begin
from config.databases import parts
from config.routers import LOGS

KNOWN = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "service")


def places(*, backup: bool = False) -> dict[str, dict[str, Any]]:
    """Tell libpq's parameters of each database: those of the back-up role, if it has a URL, or those of Django."""
    urls = {DEFAULT_DB_ALIAS: "BACKUP_DATABASE_URL", LOGS: "BACKUP_LOGS_DATABASE_URL"} if backup else {}
    return {alias: _place(alias, urls.get(alias, "")) for alias in connections}


def _place(alias: str, setting: str) -> dict[str, Any]:
    if setting and (url := getattr(settings, setting)):
        return parts(setting, url)
    used = connections[alias].get_connection_params()
    return {key: used[key] for key in KNOWN if used.get(key)}


def server_running() -> AbstractContextManager[object]:
    """Have the embedded server running, if it is the one that is used."""
    if settings.EMBEDDED_POSTGRESQL:
        return embedded.running(embedded.Location.below(settings.VAR_DIR))
    return nullcontext()


@contextmanager
def progress() -> Iterator[Begin]:
    """Show bars on stderr while something is going on."""
    columns = (TextColumn("{task.description:28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def begin(description: str, total: int) -> Callable[[str], None]:
            task = bars.add_task(description, total=total)
            return lambda name: bars.advance(task)

        yield begin

"""Tables of figures beside the checks, for the console's page of the system's health; apps above register their own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.db import DEFAULT_DB_ALIAS
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

#: What stands in a column: how it is written, and on which side.
Kind = Literal["text", "number", "bytes", "seconds", "moment"]
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of one kind, in bounded many rows."""

    name: str
    title: StrOrPromise
    columns: tuple[tuple[StrOrPromise, Kind], ...]
    #: Where the function is that gives the rows: imported only when somebody looks.
    path: str
    using: Callable[[], str] = lambda: DEFAULT_DB_ALIAS
    #: What an empty table means.
    empty: StrOrPromise = ""

    def rows(self) -> list[list[Any]]:
        """Read the rows; moments become text, so that they can be kept as JSON."""
        found: Callable[[], Iterable[Row]] = import_string(self.path)
        return [[cell.isoformat() if isinstance(cell, datetime) else cell for cell in row] for row in found()]


tables: Final[dict[str, Table]] = {}


def table(one: Table) -> None:
    """Show this table on the page of the system's health; it is read as the checks are, see `checks.check`."""
    tables[one.name] = one


for _one in (
    Table(
        "hot_tables",
        _("Tables that change most"),
        (
            (_("Table"), "text"),
            (_("Size"), "bytes"),
            (_("Live rows"), "number"),
            (_("Dead rows"), "number"),
            (_("Last autovacuum"), "moment"),
            (_("Last analyze"), "moment"),
        ),
        "jobs.doctor.vacuum.hot_tables",
    ),
    Table(
        "transactions",
        _("Oldest transactions"),
        (
            (_("Process"), "text"),
            (_("Role"), "text"),
            (_("Application"), "text"),
            (_("State"), "text"),
            (_("Open for"), "seconds"),
            (_("Transactions held back"), "number"),
        ),
        "jobs.doctor.transactions.oldest",
        empty=_("No transaction is open."),
    ),
    Table(
        "connections",
        _("Connections"),
        (
            (_("Role"), "text"),
            (_("Open"), "number"),
            (_("Working"), "number"),
            (_("Idle in a transaction"), "number"),
            (_("Of at most"), "number"),
        ),
        "jobs.doctor.connections.by_role",
    ),
    Table(
        "hosts",
        _("Worker hosts"),
        (
            (_("Host"), "text"),
            (_("Release"), "text"),
            (_("Workers"), "number"),
            (_("Slots"), "number"),
            (_("Busy"), "number"),
            (_("Memory of the largest, MB"), "number"),
            (_("Clock ahead by"), "seconds"),
            (_("Last heard of"), "moment"),
        ),
        "jobs.doctor.releases.hosts",
        empty=_("No worker is alive: start one with manage.py runworker."),
    ),
    Table(
        "chores",
        _("Chores"),
        (
            (_("Chore"), "text"),
            (_("Last run"), "moment"),
            (_("Took"), "seconds"),
            (_("Due"), "moment"),
            (_("Error"), "text"),
        ),
        "jobs.doctor.chores.runs",
        empty=_("No worker has done a chore yet."),
    ),
):
    table(_one)

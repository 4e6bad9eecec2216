"""How many worker processes PostgreSQL has connections for."""

from importlib.resources import files
from typing import Final

from django.db import connection, connections

#: Beside one for each slot: the threads that claim, record, beat, listen, maintain, schedule, do chores and bring
#: webhooks on their way, the main thread, and the one that coroutines share.
FIXED: Final = 10

_LEFT: Final = (files("jobs") / "sql" / "queries" / "connections_left.sql").read_text()


def needed(slots: int) -> int:
    """Say how many connections one worker process may come to need."""
    return slots + FIXED


def connection_name(supervisor: str) -> str:
    """Say under which name PostgreSQL sees the worker processes of this supervisor."""
    return f"ekiden-worker {supervisor.rpartition(':')[2]}"


def name_connections(name: str) -> None:
    """Have all connections that this process opens from now on bear this name."""
    connections["default"].settings_dict["OPTIONS"]["application_name"] = name


def room_for(supervisor: str, slots: int, silence: float) -> int:
    """Count the processes of so many slots that this supervisor may have in all."""
    values: dict[str, str | float] = {
        "name": connection_name(supervisor),
        "fixed": FIXED,
        "silence": silence,
        "supervisor": supervisor,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, values)
        (left,) = cursor.fetchone()
    return max(0, int(left) // needed(slots))

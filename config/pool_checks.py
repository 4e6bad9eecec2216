"""Whether a pooled connection still lives, without asking the server at every request.

Django has psycopg's pool send a statement before it hands out a connection: a round trip in seven of those that a small
request makes. A server that ends a connection says so on the socket, which can be looked at for nothing; and what no
word tells of (a network that forgot the connection) is found by asking those that nobody has used for a while.
"""

import select
import time
from typing import Any, Final

#: A connection that was well so many seconds ago is asked nothing as long as its socket is silent.
TRUSTED_SECONDS: Final = 1.0

_ASKED: Final = "ekiden_asked_at"


def install() -> None:
    """Have the pools of this process check their connections so; it is Django that gives them their check."""
    from psycopg_pool import ConnectionPool

    ask = ConnectionPool.check_connection

    def check(connection: Any) -> None:
        now = time.monotonic()
        if now - getattr(connection, _ASKED, -TRUSTED_SECONDS) < TRUSTED_SECONDS and is_silent(connection):
            return
        ask(connection)
        setattr(connection, _ASKED, now)

    ConnectionPool.check_connection = staticmethod(check)  # type: ignore[assignment]


def is_silent(connection: Any) -> bool:
    """Tell whether there is nothing to read: on a connection at rest there is something only when it has been ended."""
    try:
        descriptor = connection.fileno()
    except Exception:  # noqa: BLE001 - whatever is wrong with it, asking will say
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLERR | select.POLLHUP)
    return not poll.poll(0)

"""Ending a request that somebody waits for, when that somebody is not to wait any more."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from jobs.speech.audio import Stop

_GLANCE: Final = 0.2


@contextmanager
def hanging_up(sock: socket.socket, stop: Stop) -> Iterator[None]:
    """Shut the connection when `stop` raises, and raise the same then; whoever reads from it sees its end."""
    # Under TLS the socket itself may not be touched by two threads.
    twin = socket.socket(fileno=os.dup(sock.fileno()))
    over = threading.Event()
    reason: list[BaseException] = []

    def watch() -> None:
        while not over.wait(_GLANCE):
            try:
                stop()
            except BaseException as exc:  # noqa: BLE001 - raised again where it is waited for
                reason.append(exc)
                with suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)
                return

    watcher = threading.Thread(target=watch, name="hanging-up", daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        if reason:
            raise reason[0] from None
        raise
    finally:
        over.set()
        watcher.join()
        twin.close()
    if reason:
        raise reason[0]

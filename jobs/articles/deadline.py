import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from jobs.articles.exceptions import FetchTimedOut


class Deadline:
    """A moment that nothing about one fetch may outlive, however the other side spreads its bytes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._shut = False

    @property
    def passed(self) -> bool:
        return self._shut or time.monotonic() >= self._end

    def remaining(self, at_most: float = float("inf")) -> float:
        """Give the seconds left, but no more than `at_most`; raise FetchTimedOut when there are none."""
        if self.passed:
            raise FetchTimedOut
        return min(max(self._end - time.monotonic(), 0.001), at_most)

    @contextmanager
    def guarding(self, sock: socket.socket) -> Iterator[None]:
        """Shut the connection when the moment comes, whoever is waiting on it.

        A socket's own timeout starts anew with every byte, so a server that drips its handshake, headers or body
        would hold the caller for hours.
        """
        # TLS takes the descriptor over from the plain socket, and has no dup(); a duplicate still reaches it.
        twin = socket.socket(fileno=os.dup(sock.fileno()))

        def shut() -> None:
            self._shut = True
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(self._end - time.monotonic(), 0), shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            twin.close()

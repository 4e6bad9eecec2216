"""A TCP proxy in front of a server that can fall silent, or swallow the answer to what it was sent."""

import contextlib
import socket
import threading
from collections.abc import Callable


class Link:
    """One connection: two threads that forward until the link is silent or cut."""

    def __init__(self, client: socket.socket, server: socket.socket, swallow: Callable[[bytes], bool]) -> None:
        self.client, self.server = client, server
        self.silent = False
        self._swallow = swallow
        self._answer_unwanted = False
        for take, give, up in ((client, server, True), (server, client, False)):
            threading.Thread(target=self._forward, args=(take, give, up), daemon=True).start()

    def cut(self) -> None:
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _forward(self, take: socket.socket, give: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := take.recv(65536):
                if self.silent:
                    continue
                if up and self._swallow(data):
                    self._answer_unwanted = True
                if not up and self._answer_unwanted:
                    # The server has answered, so it has committed; nobody will hear of it.
                    break
                give.sendall(data)
        if not self.silent:
            self.cut()


class Proxy:
    """Listens on a port and forwards to a Unix socket, PostgreSQL's say, or to another port of this machine."""

    def __init__(self, target: str | int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.links: list[Link] = []
        #: Asked about everything that goes up; True loses the answer, and the connection.
        self.swallow: Callable[[bytes], bool] = lambda sent: False
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Take what is sent and never answer, on every connection there is; new ones are served."""
        for link in self.links:
            link.silent = True

    def close(self) -> None:
        self._listening.close()
        for link in self.links:
            link.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.links.append(Link(client, self._connect(), lambda sent: self.swallow(sent)))

    def _connect(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._target)
        return server

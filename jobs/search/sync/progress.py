"""Who is told how far a long work has come: a bar, lines, or nobody."""

from typing import Protocol


class Progress(Protocol):
    """Is told of a work's parts, one after the other, and of how far each has come."""

    def begin(self, what: str, total: int | None = None, done: int = 0) -> None:
        """Begin the next part; `total` may be an estimate, and so many were done by an earlier run."""

    def advance(self, count: int) -> None:
        """So many more are done."""

    def note(self, line: str) -> None:
        """Say something that is worth a line."""


class Unseen:
    """Nobody looks."""

    def begin(self, what: str, total: int | None = None, done: int = 0) -> None:
        pass

    def advance(self, count: int) -> None:
        pass

    def note(self, line: str) -> None:
        pass

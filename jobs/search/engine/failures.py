"""What can go wrong with the search engine. Messages are for operators; they hold no password and no key."""

from typing import ClassVar


class EngineError(Exception):
    """The engine did not do what it was asked to. Base; the subclasses say what that means."""

    #: What the message begins with.
    says: ClassVar[str] = "The search engine failed"

    def __init__(self, status: int, kind: str, reason: str = "") -> None:
        detail = ": ".join(part for part in (kind.replace("_", " ") if not reason else "", reason) if part)
        super().__init__(f"{self.says} ({status}): {detail}" if status else f"{self.says}: {detail}")
        #: Of the HTTP answer; 0 when none came.
        self.status = status
        #: In the engine's words, such as version_conflict_engine_exception; or connection, timeout, certificate, …
        self.kind = kind
        self.reason = reason


class EngineAway(EngineError):
    """It cannot answer now: it is not reached, too slow, busy, read-only or has lost shards. Later it may."""

    says = "The search engine is away"

    def __init__(self, status: int, kind: str, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(status, kind, reason)
        #: The seconds that it asks to be left alone for.
        self.retry_after = retry_after


class Nonsense(EngineAway):
    """What came is no answer to the question: cut off, no JSON, not of the shape that it must have."""

    says = "The search engine's answer makes no sense"


class TooLarge(EngineError):
    """The request is larger than it takes; half of it may fit."""

    says = "The request is too large for the search engine"


class NotFound(EngineError):
    """There is no such index or alias."""

    says = "The search engine does not have it"


class Refused(EngineError):
    """It would refuse the same again: the request is wrong, or not allowed."""

    says = "The search engine refused"

"""One call to the search engine: to one of its hosts, and to another when that fails."""

import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count
from typing import Final

from jobs.articles.deadline import Deadline
from jobs.articles.exceptions import FetchTimedOut
from jobs.search.engine.failures import EngineAway, Nonsense
from jobs.search.engine.hosts import Answer, Host, Request, Unanswered

#: Answers of a host that is going down, or of what stands in front of one that has.
_GOING: Final = frozenset({502, 503, 504})


class Transport:
    """The hosts of one engine; they take turns, and one that failed is left alone for a while."""

    def __init__(self, urls: Sequence[str], api_key: str = "", ca_certs: str = "") -> None:
        tls = _trusting(ca_certs)
        self.hosts = [Host(url, tls, f"ApiKey {api_key}" if api_key else "") for url in urls]
        self._turn = count()

    def ask(self, request: Request, seconds: float) -> Answer:
        """Give the first answer that comes within the time; raises EngineAway when none does."""
        whole = Deadline(seconds)
        failure: Unanswered | None = None
        answer: Answer | None = None
        hosts = list(self._in_turn())
        for left, host in zip(range(len(hosts), 0, -1), hosts, strict=True):
            try:
                # A host that dawdles leaves half of the time to the others.
                deadline = Deadline(whole.remaining() / (2 if left > 1 else 1))
                answer = host.ask(request, deadline)
            except FetchTimedOut:
                break
            except Unanswered as exc:
                host.failed()
                failure = exc
                if exc.sent and not request.repeatable:
                    break
                continue
            if answer.status not in _GOING or not request.repeatable:
                host.answered()
                return answer
            host.failed()
        if answer is not None:
            return answer
        raise _away(failure)

    def close(self) -> None:
        for host in self.hosts:
            host.close()

    def _in_turn(self) -> Iterator[Host]:
        """Give every host once: those that are not resting first, then whoever has rested longest."""
        first = next(self._turn) % len(self.hosts)
        turned = self.hosts[first:] + self.hosts[:first]
        now = time.monotonic()
        return iter(sorted(turned, key=lambda host: max(host.resting_until, now)))


def _away(failure: Unanswered | None) -> EngineAway:
    if failure is None:
        return EngineAway(0, "timeout", "it did not answer in time")
    kind = Nonsense if failure.kind in {"truncated", "too_large"} else EngineAway
    return kind(0, failure.kind, failure.reason)


def _trusting(ca_certs: str) -> Callable[[], ssl.SSLContext]:
    """Make, once it is wanted, what verifies certificates: by the machine's authorities and those of this file."""

    @cache
    def context() -> ssl.SSLContext:
        made = ssl.create_default_context()
        if ca_certs:
            made.load_verify_locations(cafile=ca_certs)
        return made

    return context

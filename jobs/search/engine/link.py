"""The one way to the search engine: a client and a circuit for each process, made when they are first wanted."""

import os
from typing import TYPE_CHECKING

from jobs import conf

if TYPE_CHECKING:
    from jobs.search.engine.circuit import Circuit
    from jobs.search.engine.client import Engine

_made: dict[tuple[object, ...], tuple["Engine", "Circuit"]] = {}


def engine() -> "Engine | None":
    """Give the client of the engine that the settings name; None when they name none."""
    pair = _pair()
    return None if pair is None else pair[0]


def circuit() -> "Circuit | None":
    """Give what searches over that client are to go through; None as with engine()."""
    pair = _pair()
    return None if pair is None else pair[1]


def forget() -> None:
    """Have the next call make a new client and a new circuit; for tests."""
    for made, _ in _made.values():
        made.close()
    _made.clear()


def _pair() -> "tuple[Engine, Circuit] | None":
    urls = conf.search_urls()
    if not urls:
        return None
    # A child of a fork gets its own, and no lock that another thread of its parent held.
    key = (os.getpid(), *urls, conf.search_api_key(), conf.search_ca_certs(), conf.search_timeout())
    found = _made.get(key)
    if found is None:
        from jobs.search.engine.circuit import Circuit
        from jobs.search.engine.client import Engine  # not before there is an engine: it costs memory

        made = Engine(urls, conf.search_api_key(), conf.search_ca_certs(), conf.search_timeout()), Circuit()
        # Of two threads that both came here one wins; the other's client is never used.
        found = _made.setdefault(key, made)
        for old in [other for other in list(_made) if other != key]:
            if (replaced := _made.pop(old, None)) is not None:
                replaced[0].close()
    return found

"""The one way to the search engine: a client and a circuit for each process, made when they are first wanted."""

import os
from typing import TYPE_CHECKING

from jobs import conf

if TYPE_CHECKING:
    from jobs.search.engine.client import Engine

_made: dict[tuple[object, ...], "Engine"] = {}


def engine() -> "Engine | None":
    """Give the client of the engine that the settings name; None when they name none."""
    urls = conf.search_urls()
    if not urls:
        return None
    # A child of a fork gets its own. Two threads may both make one; the second one stays, and the other does no harm.
    key = (os.getpid(), *urls, conf.search_api_key(), conf.search_ca_certs(), conf.search_timeout())
    found = _made.get(key)
    if found is None:
        from jobs.search.engine.client import Engine  # not before there is an engine: it costs memory

        found = Engine(urls, conf.search_api_key(), conf.search_ca_certs(), conf.search_timeout())
        _made.clear()
        _made[key] = found
    return found


def forget() -> None:
    """Have the next call make a new client; for tests."""
    for made in _made.values():
        made.close()
    _made.clear()

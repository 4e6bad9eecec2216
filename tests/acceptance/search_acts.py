"""What a process is doing for the search engine when it dies at a crash point."""

import time

from django.conf import settings

from jobs.search.engine.link import engine
from jobs.search.sync import enabling, loading
from jobs.search.sync import reindexing as reindexing_
from jobs.search.sync import retiring as retiring_
from jobs.search.sync.syncing import sync_until_clean


def search(act: str, url: str, alias: str) -> None:
    """Do one of the acts below in this engine."""
    settings.ELASTICSEARCH_URLS = [url]
    settings.ELASTICSEARCH_INDEX = alias
    settings.ELASTICSEARCH_TIMEOUT = 10
    _ACTS[act]()


def enable() -> None:
    enabling.prepare()


def reindex() -> None:
    # Several chunks, of which the first are written down when it dies.
    loading.AT_ONCE = 20  # type: ignore[misc]
    reindexing_.reindex()


def retire() -> None:
    at_hand = engine()
    assert at_hand is not None
    retiring_.retire(at_hand)


def sync() -> None:
    assert sync_until_clean(time.monotonic() + 60)


_ACTS = {act.__name__: act for act in (enable, reindex, retire, sync)}

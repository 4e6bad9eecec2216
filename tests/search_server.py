"""A search engine for tests: one osmem-server for the whole run, or the real one that TEST_ELASTICSEARCH_URL names.

Each test has an alias of its own there, and takes with it what it made.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.test import override_settings

from jobs.search.engine import link
from jobs.search.engine.client import Engine
from tests.fault_proxy import FaultProxy, proxying

#: A server to test against instead; with user and password if it wants them.
GIVEN = os.environ.get("TEST_ELASTICSEARCH_URL", "").rstrip("/")
GIVEN_CA = os.environ.get("TEST_ELASTICSEARCH_CA_CERTS", "")


@dataclass(frozen=True)
class SearchServer:
    """A search engine with an alias in it that nobody else uses; the settings name both."""

    url: str
    alias: str
    engine: Engine

    def new_index(self, number: int = 1) -> str:
        """Name an index behind the alias, which is not made by that."""
        return f"{self.alias}-{number:06}"


@contextmanager
def search_server() -> Iterator[str]:
    """Give the URL of a search engine; inside the block it is there."""
    if GIVEN:
        yield GIVEN
        return
    server = pytest.importorskip("osmem_server", reason="osmem-server is not installed")
    try:
        binary = server.resolve_binary()
    except server.OsmemError as exc:
        pytest.skip(str(exc))
    if not shutil.which(binary):
        pytest.skip(f"{binary} cannot be run here")
    with _running(server, binary) as url:
        yield url


@contextmanager
def _running(server: object, binary: str) -> Iterator[str]:
    started = server.OsmemServer.start(binary=binary, japanese=False)  # type: ignore[attr-defined]
    try:
        yield started.url
    finally:
        started.close()
        # What Python would warn of: the pipes are its owner's to close.
        started.process.stdout.close()
        started.process.wait(timeout=10)


@contextmanager
def alias_at(url: str) -> Iterator[SearchServer]:
    """Have the settings name this engine and a new alias, and delete what is called so at the end."""
    engine = Engine([url], ca_certs=GIVEN_CA, timeout=10)
    alias = f"test-{uuid4().hex[:12]}"
    named = {"ELASTICSEARCH_URLS": [url], "ELASTICSEARCH_INDEX": alias, "ELASTICSEARCH_CA_CERTS": GIVEN_CA}
    try:
        with override_settings(**named, ELASTICSEARCH_TIMEOUT=10):
            yield SearchServer(url, alias, engine)
    finally:
        link.forget()
        for name in engine.indexes(alias):
            engine.delete_index(name)
        engine.close()


@pytest.fixture(scope="session")
def search_url() -> Iterator[str]:
    with search_server() as url:
        yield url


@pytest.fixture
def search_engine(search_url: str) -> Iterator[SearchServer]:
    """A search engine that the settings name, with an alias of this test's own."""
    with alias_at(search_url) as server:
        yield server


@pytest.fixture
def faulty_engine(search_engine: SearchServer) -> Iterator[FaultProxy]:
    """The same engine behind a proxy that fails as it is told; the settings name the proxy."""
    with proxying(search_engine.url, GIVEN_CA) as proxy:
        try:
            with override_settings(ELASTICSEARCH_URLS=[proxy.url], ELASTICSEARCH_TIMEOUT=2):
                yield proxy
        finally:
            link.forget()

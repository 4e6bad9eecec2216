"""Jobs in an index that serves searches, sent when a test says so: what it does not send the engine does not know."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db.models import F
from django.db.models.functions import Now

from jobs.models import Job, SearchIndex
from jobs.search.documents import document, documentable
from jobs.search.engine.operations import Operation
from jobs.search.mapping import MAPPING_VERSION, index_body
from tests.search_server import SearchServer


@dataclass(frozen=True)
class Indexed:
    server: SearchServer
    index: str

    def send(self) -> None:
        """Have the engine know every job as it is now."""
        jobs = documentable(Job.objects.all())
        written = [Operation(self.index, str(job.pk), job.version, document(job)) for job in jobs]
        for result in self.server.engine.bulk(written):
            assert result.done, result
        self.server.engine.refresh(self.index)
        Job.objects.update(es_sync_version=F("version"), es_synced_at=Now())


@pytest.fixture
def indexed(db: None, search_engine: SearchServer) -> Iterator[Indexed]:
    """An index that serves, and that is empty."""
    index = search_engine.new_index()
    search_engine.engine.create_index(index, index_body())
    search_engine.engine.move_alias(search_engine.alias, index)
    serving = {"state": SearchIndex.State.SERVING, "serving_since": Now(), "loaded_at": Now()}
    SearchIndex.objects.create(name=index, mapping_version=MAPPING_VERSION, **serving)
    yield Indexed(search_engine, index)

"""What the search costs a worker: nothing where no engine is named, and with one its memory stays within bounds."""

from typing import Any

import pytest

from jobs.search.sync import enabling
from jobs.search.sync.reindexing import reindex
from jobs.search.sync.state import figures
from tests.acceptance.stage import Stage, wait_until
from tests.search_server import SearchServer

#: A worker without search has 111.
MOST_MB = 115.0

#: The client, the parser and the sync: what takes memory. (urllib3 is there for articles and providers.)
OF_THE_ENGINE = {"jobs.search.engine.client", "jobs.search.sync.syncing", "jobs.search.documents", "luqum", "ply"}

_READ = """
SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd), 0)::int AS n FROM pg_stat_user_tables
WHERE relname LIKE 'job\\_search\\_%'
"""
_MADE = """
SELECT to_regclass('job_search_dirty') AS index,
       (SELECT count(*) FROM pg_trigger WHERE tgname = 'note_deleted_jobs') AS triggers
"""


def told(stage: Stage) -> dict[str, Any]:
    """Have the worker tell of itself."""
    found = stage.wait_for_status(stage.submit("proof_searching"), "completed")["result"]
    assert isinstance(found, dict)
    return found


def one(stage: Stage, sql: str) -> Any:
    return stage.db.execute(sql).fetchone()


def test_without_an_engine_a_worker_knows_nothing_of_the_search(stage: Stage) -> None:
    before = one(stage, _READ)
    worker = stage.worker()
    stage.submit_many("proof_note", 50)
    found = told(stage)
    stage.wait_for_all("completed")
    assert "search-sync" not in found["threads"] and "maintenance" in found["threads"]
    assert not set(found["modules"]) & OF_THE_ENGINE
    print(f"{found['memory']:.1f} MB")
    assert found["memory"] < MOST_MB
    # It writes down its statistics at its end, at the latest.
    assert worker.terminate() == 0
    assert one(stage, _READ) == before
    assert one(stage, _MADE) == {"index": None, "triggers": 0}


@pytest.mark.usefixtures("stage")
def test_with_an_engine_a_worker_stays_small(stage: Stage, search_engine: SearchServer) -> None:
    own = {"ELASTICSEARCH_URL": search_engine.url, "ELASTICSEARCH_INDEX": search_engine.alias}
    enabling.prepare()
    reindex()
    try:
        worker = stage.worker(env=own)
        for _ in range(3):
            stage.submit_many("proof_note", 300)
            stage.wait_for_all("completed")
        wait_until(lambda: not figures().dirty, 60, "everything to be sent")
        found = told(stage)
        print(f"{found['memory']:.1f} MB")
        assert "search-sync" in found["threads"] and found["memory"] < MOST_MB
        # Only those who search read queries.
        assert not set(found["modules"]) & {"luqum", "ply"}
        assert worker.terminate() == 0
    finally:
        enabling.disable()

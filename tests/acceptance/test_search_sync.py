"""Workers bring what changes into the search engine, whatever happens to the database and to the engine."""

import time

import pytest

from jobs.models import Job, SearchTombstone
from jobs.search.sync import enabling, state
from jobs.search.sync.reindexing import reindex
from tests.acceptance.stage import wait_until
from tests.fault_proxy import dawdles
from tests.jobs.search.sync.agreement import assert_agreement
from tests.jobs.search.sync.switched_on import put_in


@pytest.fixture
def searching(stage, search_engine, faulty_engine):
    """A stage whose workers are told of the engine, which is behind a proxy."""
    stage.environment |= {"ELASTICSEARCH_URL": faulty_engine.url, "ELASTICSEARCH_INDEX": search_engine.alias}
    enabling.prepare()
    reindex()
    yield stage
    faulty_engine.heal()
    enabling.disable()


def in_step():
    wait_until(lambda: state.figures() == state.Figures() or None, why="all changes to be sent")
    assert_agreement()


def test_workers_send_what_jobs_come_to_and_outlive_the_loss_of_both_servers(searching, faulty_engine):
    searching.open()
    workers = [searching.worker() for _ in range(2)]
    searching.submit_many("proof_note", 30)
    searching.wait_for_all("completed")
    in_step()
    gone = Job.objects.order_by("id")[:5]
    Job.objects.filter(pk__in=[job.pk for job in gone]).delete()
    assert SearchTombstone.objects.exists()
    in_step()
    with faulty_engine.refusing():
        # Jobs go on as if nothing were.
        searching.submit_many("proof_note", 30)
        searching.wait_for_all("completed")
        wait_until(lambda: any("away" in worker.log for worker in workers), why="the engine's loss to be noticed")
    in_step()
    searching.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'ekiden-worker'"
    )
    searching.submit_many("proof_note", 10)
    searching.wait_for_all("completed")
    in_step()
    assert [worker.terminate() for worker in workers] == [0, 0]


def test_a_worker_ends_soon_though_the_engine_does_not_answer(searching, faulty_engine):
    worker = searching.worker()
    faulty_engine.fail(dawdles, path="_bulk")
    before = faulty_engine.count(path="_bulk")
    put_in(1)
    faulty_engine.wait_for(path="_bulk", times=before + 1)
    began = time.monotonic()
    assert worker.terminate() == 0
    assert time.monotonic() - began < 15

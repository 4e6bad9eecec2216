"""For the tests of applications: see that jobs were submitted, and run them here and now, without a worker.

    def test_signing_up_sends_a_welcome(client):
        client.post("/sign-up", {"email": "ada@example.org"})
        assert_enqueued("send_mail", to="ada@example.org")
        assert [job.status for job in drain_jobs()] == ["completed"]

Jobs run in the calling thread, inside the test's transaction if there is one, `isolation="process"` included; timeouts,
limits and pauses are not enforced and progress is not written. The rest is as in a worker: payload checks, retries,
dead letters, expiry, steps, what follows. `jobs.pytest_plugin` has fixtures for pytest.
"""

from jobs.testing.eager import eager
from jobs.testing.expecting import all_enqueued, assert_enqueued, refute_enqueued
from jobs.testing.running import drain_jobs, run_job

#: The name it had first.
drain = drain_jobs

__all__ = ["all_enqueued", "assert_enqueued", "drain", "drain_jobs", "eager", "refute_enqueued", "run_job"]

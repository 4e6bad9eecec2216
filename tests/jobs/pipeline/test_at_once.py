"""Several jobs on one article at the same time: it has one accepted summary in the end, and at every moment."""

import threading

import pytest
from django.db import connections

from accounts.models import User
from jobs.enqueue import enqueue
from jobs.models import Job, Summary
from jobs.testing import drain_jobs, run_job
from tests.jobs.pipeline.conftest import submitted_and_extracted

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 6


def test_an_article_has_one_accepted_summary_whoever_judges_it(ada: User) -> None:
    article = submitted_and_extracted(ada)
    drain_jobs(raising=True)
    payload = {"article_id": str(article.pk)}
    writing = [enqueue("summarize", payload, user=ada).fetch() for _ in range(AT_ONCE)]
    judging = [enqueue("validate_summary", payload, user=ada).fetch() for _ in range(AT_ONCE)]
    start, ended = threading.Barrier(2 * AT_ONCE), list[Job]()

    def work(job: Job) -> None:
        try:
            start.wait(30)
            ended.append(run_job(job))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[job]) for job in (*writing, *judging)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [job.status for job in ended] == ["completed"] * 2 * AT_ONCE
    summaries = Summary.objects.filter(article=article)
    assert summaries.filter(accepted=True).count() == 1
    assert summaries.filter(job_id__in=[job.pk for job in writing]).count() == AT_ONCE

from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.models import User
from jobs import dead_letter_groups, dead_letter_trends
from jobs.dead_letter_trends import HOURS, trend
from jobs.models import DeadLetterGroup, DeadLetterHour, DeadLetterTrait, Job
from tests.jobs.rows import dead_letter, new_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_left(db):
    # Tests that commit empty the tables without their triggers.
    for model in (DeadLetterGroup, DeadLetterHour, DeadLetterTrait):
        model.objects.all().delete()


def test_letters_are_counted_by_the_hour():
    _, _, fingerprint = (dead_letter(error_class="Hourly").error_fingerprint for _ in range(3))
    hour = now().replace(minute=0, second=0, microsecond=0)
    for hours, count in ((1, 2), (30, 5), (HOURS - 1, 7), (HOURS, 11)):
        DeadLetterHour.objects.create(error_fingerprint=fingerprint, hour=hour - timedelta(hours=hours), count=count)
    found = trend([fingerprint, "another"])
    assert (found[fingerprint].hour, found[fingerprint].day, found[fingerprint].week) == (3, 5, 17)
    assert (len(found[fingerprint].counts), found[fingerprint].counts[0]) == (HOURS, 7)
    assert sum(found[fingerprint].coarse(6)) == 17 and len(found[fingerprint].coarse(6)) == 28
    assert found["another"].week == 0
    dead_letter_trends.prune()
    assert DeadLetterHour.objects.count() == 5
    DeadLetterHour.objects.exclude(count=3).delete()
    DeadLetterHour.objects.update(hour=now() - timedelta(days=9))
    dead_letter_trends.prune()
    assert not DeadLetterHour.objects.exists()


def test_a_group_knows_whose_jobs_died_where():
    mei, hana = User.objects.create_user("mei"), User.objects.create_user("hana")
    for user, queue in ((mei, "default"), (mei, "slow"), (hana, "slow"), (None, "slow")):
        dead_letter(new_job(user=user, queue=queue))
    group = DeadLetterGroup.objects.get()
    assert group.user_count == 2
    traits = DeadLetterTrait.objects.filter(error_fingerprint=group.pk)
    assert dict(traits.filter(kind="queue").values_list("value", "count")) == {"default": 1, "slow": 3}
    assert dict(traits.filter(kind="user").values_list("value", "count")) == {str(mei.pk): 2, str(hana.pk): 1}
    traits.filter(value=str(mei.pk)).update(last_seen_at=now() - timedelta(days=100))
    dead_letter_groups.tidy()
    group.refresh_from_db()
    assert group.user_count == 1 and not traits.filter(value=str(mei.pk)).exists()


def test_a_group_that_goes_takes_its_figures_along():
    dead_letter()
    Job.objects.all().delete()
    assert not DeadLetterGroup.objects.exists()
    assert not DeadLetterHour.objects.exists() and not DeadLetterTrait.objects.exists()

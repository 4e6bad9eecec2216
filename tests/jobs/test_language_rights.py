import pytest

from accounts.models import User
from jobs import control, dead_letters, language_rights
from jobs.enqueue import enqueue
from jobs.exceptions import LanguageNotAllowed
from jobs.models import DeadLetter, Function, Job
from jobs.statuses import Status
from tests.factories import UserFactory
from tests.jobs.api.conftest import bury

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("languages", "allowed"), [(None, True), ([], True), (["python"], True), (["node"], False), (["Python"], False)]
)
def test_an_empty_list_allows_every_language(languages, allowed):
    user = UserFactory(allowed_languages=languages)
    assert language_rights.allows(user, "python") is allowed
    assert (str(user.pk) not in language_rights.barred("python")) is allowed
    if allowed:
        language_rights.check(user, "python")
    else:
        with pytest.raises(LanguageNotAllowed, match=f"{user.user_id} may not use functions in python"):
            language_rights.check(user, "python")


def test_the_systems_jobs_are_nobodys():
    language_rights.check(None, "python")
    assert language_rights.barred("python", []) == frozenset()


def test_only_those_who_were_asked_for():
    barred, other, free = UserFactory(allowed_languages=["go"]), UserFactory(allowed_languages=["go"]), UserFactory()
    assert language_rights.barred("python", iter([barred.pk, free.pk])) == {str(barred.pk)}
    assert language_rights.barred("python") == {str(barred.pk), str(other.pk)}
    assert language_rights.barred("go") == frozenset()


@pytest.mark.parametrize(
    ("queue", "language"), [("default", "python"), ("lang.node", "node"), ("lang", "python"), ("lang.c.x", "c.x")]
)
def test_queues_tell_the_language(queue, language):
    assert language_rights.language_of(queue) == language


@pytest.fixture
def owner() -> User:
    return UserFactory()


def restrict(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(allowed_languages=["node"])


def test_redrive_looks_at_the_owner_and_not_at_the_actor(note, owner, actor):
    job = enqueue("note", {}, user=owner).fetch()
    letter = bury(str(job.pk))
    restrict(owner)
    with pytest.raises(LanguageNotAllowed):
        dead_letters.redrive(letter.pk, actor)
    report = dead_letters.bulk(dead_letters.redrive, DeadLetter.objects.all(), actor)
    assert (report.done, report.skipped) == (0, 1)
    assert report.reasons == {str(letter.pk): "The job's owner may not use functions in python."}
    User.objects.filter(pk=owner.pk).update(allowed_languages=["node", "python"])
    dead_letters.redrive(letter.pk, actor)


def test_a_restricted_actor_redrives_what_its_owner_may_run(note, owner):
    job = enqueue("note", {}, user=owner).fetch()
    letter = bury(str(job.pk))
    dead_letters.redrive(letter.pk, UserFactory(allowed_languages=["go"]))


def test_redrive_in_another_language(owner, actor):
    Function.objects.create(language="go", title="any", language_title="go-any")
    job = enqueue("go-any", {}, user=owner).fetch()
    letter = bury(str(job.pk))
    restrict(owner)
    with pytest.raises(LanguageNotAllowed, match="functions in go"):
        dead_letters.redrive(letter.pk, actor)


def test_retry_looks_at_the_owner_too(note, owner, actor):
    job = enqueue("note", {}, user=owner).fetch()
    control.cancel(job.pk, actor)
    restrict(owner)
    with pytest.raises(LanguageNotAllowed):
        control.retry(job.pk, actor)
    assert Job.objects.get(pk=job.pk).status == Status.CANCELLED

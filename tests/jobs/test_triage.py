from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from accounts.models import User
from jobs import dead_letter_groups, dead_letters, triage
from jobs.exceptions import InvalidOption, InvalidState
from jobs.models import AuditEntry, DeadLetter, DeadLetterGroup, Job
from tests.jobs.rows import dead_letter

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter():
    return dead_letter()


@pytest.fixture
def operator(db):
    return User.objects.create_user("hana", role="operator")


def open_count():
    return DeadLetterGroup.objects.get().open_count


def overdue(letter):
    DeadLetter.objects.filter(pk=letter.pk).update(ignored_until=now() - timedelta(seconds=1))


def commit_checks():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_triaged_letter_stays_on_the_desk(letter, actor):
    assert triage.triage(letter.pk, actor, "I look at it").resolution_status == "triaged"
    assert open_count() == 1 and DeadLetter.objects.open().exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason) == ("triage", "I look at it")
    assert (entry.details["before"]["resolution_status"], entry.details["after"]["resolution_status"]) == (
        "open", "triaged",
    )  # fmt: skip
    commit_checks()


def test_an_ignored_letter_leaves_the_desk_and_comes_back_when_its_time_is_over(letter, actor):
    triage.ignore(letter.pk, actor, now() + timedelta(days=1))
    commit_checks()
    assert open_count() == 0 and not DeadLetter.objects.open().exists() and DeadLetter.objects.live().exists()
    assert Job.objects.get().status == "dead_letter"
    assert triage.come_back() == 0
    overdue(letter)
    assert triage.come_back() == 1
    letter.refresh_from_db()
    assert (letter.resolution_status, letter.ignored_until) == ("open", None)
    assert open_count() == 1
    assert AuditEntry.objects.filter(actor=None, action="reopen", target_id=str(letter.pk)).exists()


@pytest.mark.parametrize("act", [dead_letters.redrive, dead_letters.discard, dead_letters.resolve])
@pytest.mark.parametrize("first", ["triage", "ignore"])
def test_what_is_triaged_or_ignored_is_settled_like_what_is_open(letter, actor, act, first):
    until = [now() + timedelta(days=1)] if first == "ignore" else []
    getattr(triage, first)(letter.pk, actor, *until)
    act(letter.pk, actor)
    commit_checks()
    letter.refresh_from_db()
    assert letter.ignored_until is None and open_count() == 0


def test_a_settled_letter_is_neither_triaged_nor_ignored(letter, actor):
    dead_letters.discard(letter.pk, actor)
    for act in (triage.triage, triage.reopen, lambda pk, who: triage.ignore(pk, who, now() + timedelta(1))):
        with pytest.raises(InvalidState, match="discarded"):
            act(letter.pk, actor)


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_until_is_a_time_that_somebody_will_see(letter, actor, days):
    with pytest.raises(InvalidOption, match="ignored_until"):
        triage.ignore(letter.pk, actor, now() + timedelta(days=days))


def test_assigned_to_people_who_can_open_it(letter, actor, operator):
    assert triage.assign(letter.pk, actor, operator).assignee == operator
    assert triage.assign(letter.pk, actor, None).assignee is None
    with pytest.raises(InvalidOption, match="console"):
        triage.assign(letter.pk, actor, User.objects.create_user("client"))
    assert [entry.details["after"] for entry in AuditEntry.objects.order_by("id")] == [
        {"assignee": "hana"}, {"assignee": None},
    ]  # fmt: skip


def test_a_ticket_is_linked(letter, actor):
    assert triage.link(letter.pk, actor, " https://tickets.example.org/7 ").ticket == "https://tickets.example.org/7"
    with pytest.raises(InvalidOption, match="ticket"):
        triage.link(letter.pk, actor, "x" * 501)


def test_saying_the_same_twice_is_one_act(letter, actor):
    triage.triage(letter.pk, actor)
    triage.triage(letter.pk, actor)
    assert AuditEntry.objects.count() == 1


class TestGroups:
    @pytest.fixture
    def group(self, letter):
        return DeadLetterGroup.objects.get()

    def again(self):
        dead_letter()
        return DeadLetterGroup.objects.get()

    def test_what_is_said_of_a_group_is_kept_and_audited(self, group, actor, operator):
        dead_letter_groups.assign(group.pk, actor, operator)
        dead_letter_groups.annotate(group.pk, actor, "asked the provider")
        dead_letter_groups.link(group.pk, actor, "OPS-7")
        dead_letter_groups.triage(group.pk, actor, "ours")
        group.refresh_from_db()
        assert (group.assignee, group.note, group.ticket, group.status) == (
            operator, "asked the provider", "OPS-7", "triaged",
        )  # fmt: skip
        entries = AuditEntry.objects.filter(target_type="dead letter group", target_id=group.pk)
        assert set(entries.values_list("action", flat=True)) == {"assign", "annotate", "link", "triage"}

    def test_resolved_only_when_nothing_of_it_lies_on_the_desk_and_open_again_with_the_next_letter(
        self, group, letter, actor
    ):
        with pytest.raises(InvalidState, match="1 of its letters"):
            dead_letter_groups.resolve(group.pk, actor)
        dead_letters.discard(letter.pk, actor)
        assert dead_letter_groups.resolve(group.pk, actor).status == "resolved"
        assert self.again().status == "open"

    def test_muted_until_a_time(self, group, actor):
        dead_letter_groups.mute(group.pk, actor, now() + timedelta(hours=1))
        group = self.again()
        assert (group.status, group.open_count) == ("ignored", 2)
        DeadLetterGroup.objects.update(muted_until=now() - timedelta(seconds=1))
        triage.come_back()
        group.refresh_from_db()
        assert (group.status, group.muted_until) == ("open", None)

    def test_a_letter_finds_the_time_over_before_the_chore_does(self, group, actor):
        dead_letter_groups.mute(group.pk, actor, now() + timedelta(hours=1))
        DeadLetterGroup.objects.update(muted_until=now() - timedelta(seconds=1))
        assert self.again().status == "open"

    def test_muted_until_the_version_changes(self, group, actor, monkeypatch):
        muted = dead_letter_groups.mute(group.pk, actor, until_version=True)
        assert muted.muted_versions
        assert self.again().status == "ignored"
        with connection.cursor() as cursor:
            cursor.execute("UPDATE meta.functions SET version = '9.9.9'")
            cursor.execute(
                "INSERT INTO meta.functions (id, language, title, language_title, version)"
                " VALUES (gen_random_uuid(), 'python', 'summarize', 'python-summarize', '9.9.9') ON CONFLICT DO NOTHING"
            )
        group = self.again()
        assert (group.status, group.muted_versions) == ("open", [])

    def test_a_mute_has_an_end(self, group, actor):
        with pytest.raises(InvalidOption, match="muted_until"):
            dead_letter_groups.mute(group.pk, actor)

    def test_what_people_wrote_outlives_the_letters(self, group, letter, actor):
        dead_letter_groups.annotate(group.pk, actor, "known since March")
        dead_letters.discard(letter.pk, actor)
        Job.objects.all().delete()
        group.refresh_from_db()
        assert (group.total_count, group.note) == (0, "known since March")

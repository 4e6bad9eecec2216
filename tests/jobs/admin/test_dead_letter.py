import json

import pytest
from django.urls import reverse

from jobs import dead_letters, triage
from jobs.models import AuditEntry, BulkOperation, DeadLetter, Job
from tests.jobs.rows import dead_letter, finish, new_job

LIST = "/admin/jobs/deadletter/"


def url(letter, act="change"):
    return reverse(f"admin:jobs_deadletter_{act}", args=[str(letter.pk)])


def rows(client, **params):
    return {row.pk for row in client.get(LIST, params).context["cl"].result_list}


@pytest.fixture
def letter(db):
    return dead_letter()


def test_review_shows_payload_and_the_whole_error_history(operator, letter):
    text = operator.get(url(letter)).content.decode()
    assert text.count("Traceback (most recent call last)") == 2
    assert "Attempt 1" in text and "Attempt 2" in text
    assert "&quot;article_id&quot;: &quot;a-1&quot;" in text
    for button in ("Redrive as it is", "Resolve", "Discard", "Redrive with this payload", "Save</button>"):
        assert button in text


@pytest.mark.parametrize(
    ("act", "resolution", "status"),
    [("redrive", "redriven", "pending"), ("resolve", "resolved", "completed"), ("discard", "discarded", "failed")],
)
def test_acts_ask_then_settle_and_record_who_and_why(operator, letter, act, resolution, status):
    assert operator.get(url(letter, act)).status_code == 200
    letter.refresh_from_db()
    assert letter.resolution_status == "open"
    page = operator.post(url(letter, act), {"reason": "seen with Hana"}, follow=True).content.decode()
    letter.refresh_from_db()
    assert (letter.resolution_status, letter.resolved_by) == (resolution, operator.user)
    assert Job.objects.get(pk=letter.original_job_id).status == status
    assert AuditEntry.objects.get(target_id=str(letter.pk)).reason == "seen with Hana"
    assert "seen with Hana" in page and operator.user.user_id in page
    assert "Redrive as it is" not in page


def test_a_settled_letter_refuses_naming_its_state(operator, letter):
    dead_letters.discard(letter.pk, operator.user)
    text = operator.post(url(letter, "redrive"), {}, follow=True).content.decode()
    assert "its status is discarded" in text


def test_a_taken_unique_key_is_said(operator):
    letter = dead_letter(new_job(unique_key="a-1"))
    holder = new_job(unique_key="a-1")
    text = operator.post(url(letter, "redrive"), {}, follow=True).content.decode()
    assert f"belongs to the job {holder.pk}" in text


def test_notes_are_saved_and_the_former_ones_kept_in_the_log(operator, letter):
    operator.post(url(letter, "notes"), {"notes": "first"})
    operator.post(url(letter, "notes"), {"notes": "asked the provider"})
    letter.refresh_from_db()
    assert letter.resolution_notes == "asked the provider"
    assert AuditEntry.objects.filter(action="annotate").first().details == {
        "before": "first",
        "after": "asked the provider",
    }


def test_edited_payload_is_compared_before_it_is_redriven(operator, letter):
    edited = {"content": "another text", "article_id": "a-1"}
    page = operator.post(url(letter, "preview"), {"payload": json.dumps(edited)})
    kinds = [(line.kind, line.text.strip()) for line in page.context["lines"] if line.kind in {"added", "removed"}]
    assert kinds == [("removed", '"content": "text",'), ("added", '"content": "another text",')] or kinds == [
        ("removed", '"content": "text"'),
        ("added", '"content": "another text"'),
    ]
    letter.refresh_from_db()
    assert letter.resolution_status == "open"
    form = {"payload": page.context["form"]["payload"].value(), "reason": "typo", "confirm": "yes"}
    after = operator.post(url(letter, "preview"), form, follow=True).content.decode()
    letter.refresh_from_db()
    assert letter.redriven_payload == edited and letter.payload["content"] == "text"
    assert Job.objects.get(pk=letter.original_job_id).payload == edited
    assert "What was changed of the payload" in after
    entry = AuditEntry.objects.get(target_id=str(letter.pk))
    assert entry.details["payload_after"] == edited and entry.reason == "typo"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"content": ', "This is not JSON"),
        ("[1]", "A payload is an object"),
        ('{"content": NaN}', "NaN is not a JSON number"),
        ('{"content": "a", "content": "b"}', "stands twice"),
        ('{"content": 7}', "/content"),
        ('{"unknown": 7}', "unknown"),
        ('{"content": "a\\u0000b"}', "NUL"),
        ('{"content": "\\ud800"}', "surrogate"),
        ("[" * 50_000, "This"),
        ('{"n": ' + "9" * 5_000 + "}", "This cannot be stored"),
        ("", "This field is required"),
    ],
)
def test_wrong_payload_is_said_at_the_field_and_kept(operator, letter, text, complaint):
    page = operator.post(url(letter, "preview"), {"payload": text, "confirm": "yes"})
    assert page.status_code == 200
    assert complaint in " ".join(page.context["payload_form"].errors["payload"])
    assert page.context["payload_form"]["payload"].value() == text
    letter.refresh_from_db()
    assert letter.resolution_status == "open"


def test_letter_of_an_unknown_type_warns_and_can_be_redriven(operator):
    letter = dead_letter(new_job("no_such_type"))
    assert "No handler for" in operator.get(url(letter)).content.decode()
    operator.post(url(letter, "redrive"), {})
    letter.refresh_from_db()
    assert letter.resolution_status == "redriven"


def test_filters(operator, letter):
    other = dead_letter(new_job("extract_content", payload={"url": "https://example.org"}), message="404")
    settled = dead_letter(message="gone")
    dead_letters.discard(settled.pk, operator.user)
    assert rows(operator) == {letter.pk, other.pk}
    assert rows(operator, resolution="all") == {letter.pk, other.pk, settled.pk}
    assert rows(operator, resolution="discarded") == {settled.pk}
    assert rows(operator, type="extract_content") == {other.pk}
    assert rows(operator, group=letter.error_fingerprint) == {letter.pk}
    assert rows(operator, age="1h") == {letter.pk, other.pk}
    assert rows(operator, age="older-7d") == set()
    assert rows(operator, q=str(letter.pk)) == rows(operator, q=str(letter.original_job_id)) == {letter.pk}
    assert rows(operator, q="nonsense") == set()


def test_all_of_a_filter_is_a_question_for_a_bulk_operation_with_the_count_first(operator, letter):
    for _ in range(2):
        dead_letter()
    other = dead_letter(message="quite another")
    address = f"{LIST}many/discard/?group={letter.error_fingerprint}"
    question = operator.get(address)
    assert question.context["found"].matched == 3
    operator.post(question.context["here"], {"reason": "obsolete", "confirm": "yes"})
    begun = BulkOperation.objects.get()
    assert (begun.action, begun.reason, begun.matched) == ("discard", "obsolete", 3)
    assert begun.selector == {"filter": {"fingerprint": letter.error_fingerprint}}
    assert begun.selector["filter"]["fingerprint"] != other.error_fingerprint
    page = operator.get(f"/admin/jobs/deadlettergroup/{letter.error_fingerprint}/change/").content.decode()
    assert "Done to all of it" in page and str(begun.pk) in page


def test_bulk_over_the_ticked(operator, letter):
    other = dead_letter()
    question = operator.post(LIST, {"action": "redrive", "_selected_action": [str(letter.pk)], "index": 0})
    form = {"id": [str(pk) for pk in question.context["ids"]], "upto": str(question.context["upto"])}
    operator.post(question.context["here"], form)
    assert DeadLetter.objects.get(pk=letter.pk).resolution_status == "redriven"
    assert DeadLetter.objects.get(pk=other.pk).resolution_status == "open"


def test_bulk_says_when_there_is_nothing(operator):
    assert "The filter finds nothing" in operator.get(f"{LIST}many/discard/").content.decode()


def test_the_same_filter_is_said_to_a_bulk_operation(operator, letter, rf):
    from django.contrib import admin

    desk = admin.site.get_model_admin(DeadLetter)
    assert desk.selector(rf.get("/")) == {"filter": {}}
    said = {"resolution": "ignored", "group": "f", "queue": "q", "type": "t"}
    assert desk.selector(rf.get("/", said)) == {
        "filter": {"resolution": ["ignored"], "fingerprint": "f", "queue": "q", "type": "t"}
    }
    assert desk.selector(rf.get("/", {"age": "older-1d"}))["filter"].keys() == {"moved_before"}
    assert desk.selector(rf.get("/", {"age": "1h"}))["filter"].keys() == {"moved_after"}
    assert desk.selector(rf.get("/", {"assignee": "me"})) is None
    assert desk.selector(rf.get("/", {"q": str(letter.pk)})) is None


def test_filters_by_queue_and_assignee(operator, letter):
    slow = dead_letter(new_job(queue="slow"))
    triage.assign(slow.pk, operator.user, operator.user)
    assert rows(operator, queue="slow") == rows(operator, assignee="me") == {slow.pk}
    assert rows(operator, assignee="nobody") == {letter.pk}
    assert rows(operator, assignee="somebody") == {slow.pk}


def test_triaged_ignored_and_open_again(operator, letter):
    page = operator.post(url(letter, "triage"), {"reason": "known"}, follow=True).content.decode()
    assert "Triaged" in page and "Reopen…" in page and "Triage…" not in page
    assert "Say until when" in operator.post(url(letter, "ignore"), {"span": ""}).content.decode()
    assert (
        "must be in the future" in operator.post(url(letter, "ignore"), {"until": "2020-01-01T00:00"}).content.decode()
    )
    page = operator.post(url(letter, "ignore"), {"span": "7d"}, follow=True).content.decode()
    assert "It is not on the desk" in page and "Redrive as it is" in page
    assert rows(operator) == set() and rows(operator, resolution="ignored") == {letter.pk}
    operator.post(url(letter, "reopen"), {})
    assert rows(operator) == {letter.pk}


def test_whose_it_is_its_ticket_and_notes_are_saved_together(operator, letter):
    said = {"assignee": operator.user.user_id, "ticket": "https://tickets.example.org/7", "notes": "asked"}
    page = operator.post(url(letter, "notes"), said, follow=True).content.decode()
    letter.refresh_from_db()
    assert (letter.assignee, letter.ticket, letter.resolution_notes) == (operator.user, said["ticket"], "asked")
    assert 'href="https://tickets.example.org/7"' in page
    operator.post(url(letter, "notes"), {"ticket": "javascript:alert(1)"})
    page = operator.get(url(letter)).content.decode()
    assert 'href="javascript' not in page and "asked" in page
    wrong = operator.post(url(letter, "notes"), {"assignee": "somebody", "notes": "typed"})
    assert wrong.status_code == 200 and "typed" in wrong.content.decode()


def test_redriven_to_another_queue_with_what_became_of_it(operator, letter):
    operator.post(url(letter, "redrive"), {"queue": "slow", "reason": "more memory"})
    page = operator.get(url(letter)).content.decode()
    assert "to the queue <code>slow</code>" in page and "Not ended yet" in page and "hx-get" in page
    finish(letter.original_job)
    page = operator.get(url(letter)).content.decode()
    assert "It succeeded" in page and 'badge-resolved">Resolved' in page
    assert "must be 1 to 64" in operator.post(url(dead_letter(), "redrive"), {"queue": "a b"}).content.decode()


def test_a_second_death_shows_the_first_and_what_was_changed_between_them(operator, letter):
    dead_letters.redrive(letter.pk, operator.user, payload={"content": "shorter", "article_id": "a-1"})
    second = dead_letter(letter.original_job)
    response = operator.get(url(second))
    page = response.content.decode()
    assert "2 deaths" in page and "It died again" in page and "Changed since it first died" in page
    changed = [(line.kind, line.text.strip(" ,")) for line in response.context["since_first"] if line.kind != "same"]
    assert set(changed) == {("removed", '"content": "text"'), ("added", '"content": "shorter"')}
    asked = operator.post(url(second, "preview"), {"payload": '{"content": "text", "article_id": "a-1"}'})
    assert {line.kind for line in asked.context["lines"]} == {"same", "added", "removed"}
    assert {line.kind for line in asked.context["before"]} <= {"same", "skipped"}, "as it was at first"


def test_working_through_a_group(operator):
    first, second, third = (dead_letter() for _ in range(3))
    other = dead_letter(message="quite another")
    page = operator.get(url(second))
    assert (page.context["newer"], page.context["older"]) == (third.pk, first.pk)
    done = operator.post(url(second, "discard"), {"reason": "x", "onward": "on"})
    assert done.url == f"{url(first)}?onward=on"
    assert f"{url(first, 'discard')}?onward=on" in operator.get(done.url).content.decode()
    assert "checked" in operator.get(f"{url(first, 'discard')}?onward=on").content.decode()
    assert operator.post(url(first, "triage"), {"onward": "on"}).url == f"{url(third)}?onward=on"
    edited = {"payload": '{"content": "x"}', "confirm": "yes", "onward": "on"}
    assert operator.post(url(third, "preview"), edited).url == f"{url(first)}?onward=on"
    last = operator.post(url(first, "resolve"), {"onward": "on", "result": '{"by": "post"}'}, follow=True)
    assert "That was the last letter of this group" in last.content.decode()
    assert Job.objects.get(pk=first.original_job_id).result == {"by": "post"}
    assert set(DeadLetter.objects.open()) == {other}


def test_a_discard_says_why(operator, letter):
    assert "This field is required" in operator.post(url(letter, "discard"), {}).content.decode()
    letter.refresh_from_db()
    assert letter.resolution_status == "open"


def test_the_page_asks_little(operator, letter, asked):
    dead_letters.redrive(letter.pk, operator.user, payload={"content": "shorter"})
    second = dead_letter(letter.original_job)
    for _ in range(5):
        dead_letter()
    assert asked(url(second)) < 15
    assert asked(LIST) < 15

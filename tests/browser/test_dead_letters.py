"""An operator, in a real browser, takes care of what went wrong."""

import re

import pytest
from playwright.sync_api import expect

from jobs.models import AuditEntry, DeadLetter, Job
from tests.jobs.rows import dead_letter, finish, new_job

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_letter_is_reviewed_and_redriven_with_an_edited_payload(console):
    letter = dead_letter(new_job(payload={"content": "テスト", "article_id": "a-7"}))
    console.get_by_role("link", name="dead letters open").click()
    expect(console.get_by_role("heading", name="Dead letters by error")).to_be_visible()
    console.get_by_role("link", name="ConnectionError").click()
    expect(console.get_by_text("the provider closed the connection").first).to_be_visible()
    console.locator("#result_list a").first.click()

    expect(console.get_by_text("Traceback (most recent call last)").first).to_be_visible()
    editor = console.get_by_label("Payload as JSON")
    assert "テスト" in editor.input_value()
    editor.fill('{"content": 5}')
    console.get_by_role("button", name="Redrive with this payload").click()
    expect(console.locator("#payload .errorlist")).to_contain_text("/content")
    assert editor.input_value() == '{"content": 5}'

    editor.fill('{"content": "駅伝", "article_id": "a-7"}')
    console.get_by_role("button", name="Redrive with this payload").click()
    expect(console.locator("tr.removed")).to_contain_text("テスト")
    expect(console.locator("tr.added")).to_contain_text("駅伝")
    assert DeadLetter.objects.open().exists()
    console.get_by_label("Reason").fill("the text was cut off")
    console.get_by_role("button", name="Redrive with this payload").click()

    expect(console.locator(".messagelist")).to_contain_text("Redriven with the edited payload")
    expect(console.locator("h1 .badge")).to_have_text("Redriven")
    expect(console.locator("#history")).to_contain_text("hana.sato")
    expect(console.locator("#history")).to_contain_text("the text was cut off")
    expect(console.get_by_role("link", name="Redrive as it is")).to_have_count(0)
    job = Job.objects.get(pk=letter.original_job_id)
    assert (job.status, job.payload) == ("pending", {"content": "駅伝", "article_id": "a-7"})

    finish(job, {"summary": "駅伝"})
    console.get_by_role("link", name=str(job.pk)).click()
    expect(console.locator("h1 .badge")).to_have_text(re.compile("completed"))
    expect(console.get_by_text('"summary": "駅伝"')).to_be_visible()


def test_a_group_is_discarded_at_once(console):
    for _ in range(3):
        dead_letter()
    kept = dead_letter(error_class="ValueError", message="no text")
    console.get_by_role("link", name="dead letters open").click()
    console.get_by_role("link", name="ConnectionError").click()
    console.get_by_role("link", name="Discard…").click()
    expect(console.get_by_role("heading", level=1)).to_contain_text("3 dead letters, all that the filter finds")
    console.get_by_label("Reason").fill("the provider is gone")
    console.get_by_role("button", name="Discard all 3").click()
    expect(console.locator(".messagelist")).to_contain_text("3 dead letters done")
    assert list(DeadLetter.objects.open()) == [kept]
    assert Job.objects.filter(status="failed").count() == 3
    assert AuditEntry.objects.filter(reason="the provider is gone", actor_name="hana.sato").count() == 3


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_ticked_letters_are_redriven_without_javascript(console):
    letters = [dead_letter() for _ in range(2)]
    console.get_by_role("link", name="dead letters open").click()
    console.get_by_role("link", name="ConnectionError").click()
    console.locator("#result_list .action-select").first.check()
    console.locator("select[name=action]").select_option(label="Redrive")
    console.locator("button[name=index]").click()
    expect(console.get_by_role("heading", level=1)).to_contain_text("1 dead letter, those you ticked")
    console.get_by_role("button", name="Redrive it").click()
    expect(console.locator(".messagelist")).to_contain_text("1 dead letter done")
    assert DeadLetter.objects.open().count() == len(letters) - 1


def test_the_keyboard_reaches_the_acts(console):
    letter = dead_letter()
    console.goto(console.url.replace("/admin/", f"/admin/jobs/deadletter/{letter.pk}/change/"))
    reached = []
    for _ in range(60):
        console.keyboard.press("Tab")
        reached.append(console.evaluate("document.activeElement.textContent.trim()"))
    assert {"Redrive as it is…", "Resolve…", "Discard…", "Redrive with this payload…", "Save notes"} <= set(reached)

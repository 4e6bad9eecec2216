"""Pages that are not the console's own, under the delivered policy: the browser has nothing to complain of."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_of_the_api_works_and_sends_requests(console, live_server):
    console.goto(f"{live_server.url}/api/docs/")
    operation = console.locator("#operations-jobs-jobs_list")
    operation.locator(".opblock-summary-control").dispatch_event("click")
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")


def test_the_pages_about_problems_are_styled(console, live_server):
    console.goto(f"{live_server.url}/problems/")
    console.get_by_role("link", name="role-missing").click()
    expect(console.get_by_role("heading", level=1)).to_have_text("Your role does not allow this")
    assert console.locator("main").evaluate("main => getComputedStyle(main).maxWidth") != "none"

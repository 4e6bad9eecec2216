"""A real browser, Debian's chromium, at a live server with the policy that is delivered."""

import os
import threading
from pathlib import Path

import pytest

from accounts.roles import Role
from tests.browser.accessible import BEGINS, ENDS
from tests.factories import UserFactory

CHROMIUM = Path(os.environ.get("EKIDEN_CHROMIUM", "/usr/bin/chromium"))
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"
#: The browser tells the page of everything that the policy has stopped, also of what it leaves out of its console.
_TELL = """addEventListener("securitypolicyviolation",
    event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile || ""}`));"""


@pytest.fixture(scope="session")
def browser_type_launch_args():
    # A missing browser is an error in CI: tests/conftest.py turns this skip into one.
    if not CHROMIUM.exists():
        pytest.skip(f"there is no browser at {CHROMIUM}: apt-get install chromium")
    return {"executable_path": str(CHROMIUM), "args": _QUIET}


@pytest.fixture(scope="session", autouse=True)
def _playwright_runs_a_loop():
    # Playwright's synchronous interface keeps an event loop in this thread, which Django takes for async code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def operator(transactional_db):
    user = UserFactory(user_id="hana.sato", role=Role.OPERATOR)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def answered(transactional_db):
    """Wait for what the server still answers when the browser is gone: nobody may ask the database that is emptied."""
    yield
    for thread in threading.enumerate():
        if thread.name.endswith("(process_request_thread)"):
            thread.join(30)


@pytest.fixture
def context(answered, context):
    # Pages that keep themselves up to date ask until they are closed, which is before the server is waited for.
    return context


@pytest.fixture
def console(page, live_server, operator):
    """A page that is logged in by its form; the test fails if the browser's console complains of anything."""
    complaints, deaf = [], []
    page.add_init_script(_TELL)

    def hear(message):
        if message.text in {BEGINS, ENDS}:
            deaf[:] = [True] if message.text == BEGINS else []
        elif message.type in {"error", "warning"} and not deaf:
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda answer: answer.status >= 400 and complaints.append(f"{answer.status} {answer.url}"))
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("User id").fill(operator.user_id)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    yield page
    assert complaints == []

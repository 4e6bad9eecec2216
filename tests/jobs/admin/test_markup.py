"""Every page keeps to a strict Content-Security-Policy: no inline script or style, nothing from elsewhere."""

import re
from html.parser import HTMLParser

from jobs.models import Article, Schedule, Summary
from tests.jobs.admin.test_permissions import pages
from tests.jobs.rows import dead_letter, fail, new_job, start

_VOID = {"meta", "link", "img", "input", "br", "hr", "path", "symbol", "use", "circle"}


class Strict(HTMLParser):
    """Collects what a strict policy forbids, tags that do not match, and ids used twice."""

    def __init__(self):
        super().__init__()
        self.faults, self.open, self.ids = [], [], set()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"inline: <{tag} {attrs}>")
        if tag == "script" and not given.get("src"):
            self.faults.append("inline script")
        for name in ("src", "href", "action"):
            if re.match(r"(https?:)?//|javascript:|data:", given.get(name) or ""):
                self.faults.append(f"elsewhere: {given[name]}")
        if given.get("id") in self.ids:
            self.faults.append(f"id twice: {given['id']}")
        if given.get("id"):
            self.ids.add(given["id"])
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in _VOID:
            return
        while self.open and self.open[-1] != tag and self.open[-1] in {"li", "p", "td", "tr", "th"}:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"stray </{tag}>")


def faults(client, address, data=None):
    response = client.get(address) if data is None else client.post(address, data)
    assert response.status_code == 200, address
    parser = Strict()
    parser.feed(response.content.decode())
    return parser.faults


def test_pages_are_strict(operator):
    letter, job = dead_letter(), fail(new_job(tags=["a"]))
    running = new_job()
    start(running)
    interval = {"type": "cron", "expression": "0 9 * * *", "timezone": "Asia/Tokyo"}
    schedule = Schedule.objects.create(name="x", job_type="bench_thread", schedule_interval=interval, last_error="no")
    article = Article.objects.create(title="x", text="x", stage="extracted")
    summary = Summary.objects.create(article=article, text="x", provider="groq", reasons=[{"code": "a", "detail": "b"}])
    base = "/admin/jobs"
    addresses = [
        *pages(letter.pk, job.pk),
        f"{base}/job/{running.pk}/change/",
        f"{base}/job/{job.pk}/priority/",
        f"{base}/job/many/cancel/",
        f"{base}/deadletter/?group={letter.error_fingerprint}",
        f"{base}/deadletter/{letter.pk}/discard/",
        f"{base}/processinglock/{running.pk}/change/",
        f"{base}/queue/default/pause/",
        f"{base}/queue/default/configure/",
        f"{base}/schedule/add/",
        *(f"{base}/article/{article.pk}/{page}/" for page in ("change", "summarize", "delete")),
        f"{base}/summary/{summary.pk}/change/",
        *(f"{base}/schedule/{schedule.pk}/{page}/" for page in ("change", "edit", "delete")),
    ]
    found = {address: faults(operator, address) for address in addresses}
    preview = f"{base}/deadletter/{letter.pk}/preview/"
    found["diff"] = faults(operator, preview, {"payload": '{"content": "x"}'})
    found["error"] = faults(operator, preview, {"payload": "{"})
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


def test_the_name_stands_everywhere(operator, client):
    assert "Ekiden" in client.get("/admin/login/").content.decode()
    assert "<title>Overview · Ekiden</title>" in operator.get("/admin/").content.decode()

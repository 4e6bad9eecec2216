"""Whatever stands in an address or a form, the answer is a page, a redirect or a refusal: never a server error."""

import pytest

from tests.jobs.rows import dead_letter

ODD = [
    "p=0", "p=-1", "p=99999999999999999999", "p=x", "all=", "e=1", "foo=bar", "o=1.2", "_facets=1",
    "status__regex=x", "payload__a=1", "user__password__startswith=a", "created_at__gte=x", "id__exact=x",
    "q=%00", "q=%27%22%5c", "q=" + "x" * 5_000, "q=------", "q=tag:", "q=01a1fdfe-----", "status=%00", "queue=%00",
    "q=" + "(" * 400, "q=%22", "q=a%3A%5B", "q=status%3A&at=7", "q=project%3A%F0%9F%8F%83&at=9", "q=queue%3A&at=x",
    "type=" + "x" * 3_000, "group=%00", "group=%F0%9F%8F%83", "window=older-1d", "age=older-1d", "resolution=%ff",
    "_popup=1", "_to_field=id", "_to_field=payload",
]  # fmt: skip
LISTS = [
    "savedsearch",
    "searchindex",
    "searchrejection",
    "job",
    "deadletter",
    "deadlettergroup",
    "queue",
    "worker",
    "processinglock",
    "auditentry",
]
PAGES = [f"/admin/jobs/{name}/" for name in LISTS]
COMPLETE = "/admin/jobs/job/complete/"
MANY = ["/admin/jobs/job/many/cancel/", "/admin/jobs/deadletter/many/redrive/"]


@pytest.mark.parametrize("address", [*PAGES, *MANY, COMPLETE])
def test_odd_queries(operator, address):
    dead_letter()
    statuses = {query: operator.get(f"{address}?{query}").status_code for query in ODD}
    assert {query: status for query, status in statuses.items() if status not in {200, 302, 400}} == {}


@pytest.mark.parametrize("key", ["x", "%00", "_3A", "../..", "0" * 400, "01a1fdfe-7d24-7198-8389-21380", "%E9%A7%85"])
def test_odd_keys(operator, key):
    for name in LISTS:
        for rest in ("", "change/", "history/", "delete/", "cancel/", "redrive/", "pause/", "release/", "notes/"):
            answer = operator.get(f"/admin/jobs/{name}/{key}/{rest}")
            assert answer.status_code in {200, 301, 302, 400, 403, 404, 405}, (name, rest)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"upto": ""},
        {"upto": "%00"},
        {"upto": ["x", "y"]},
        {"id": "x"},
        {"action": "no such", "_selected_action": "x", "index": 0},
        {"action": "redrive", "_selected_action": "x", "index": 0},
        {"action": "cancel", "_selected_action": "x", "index": "y"},
        {"reason": "\x00", "payload": "\x00"},
        {"reason": "x" * 100_000},
        {"payload": "{}" * 10},
    ],
)
def test_odd_forms(operator, form):
    letter = dead_letter()
    base = "/admin/jobs/deadletter/"
    acts = [f"{base}{letter.pk}/{act}/" for act in ("preview", "notes")]
    for address in [*PAGES, *MANY, *acts]:
        answer = operator.post(address, form)
        assert answer.status_code in {200, 302, 400, 405}, address
    letter.refresh_from_db()
    assert letter.resolution_status == "open"

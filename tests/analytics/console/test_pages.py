"""The console's pages of figures: what they show, to whom, and that they ask the roll-ups only."""

import json
import re
from collections import Counter
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.db import connections, router
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from accounts.roles import Role
from analytics.console.cells import changed, milliseconds, percent
from analytics.models import UsageDay
from jobs.models import Function
from tests.analytics.api.conftest import BEGIN, END, FUNCTIONS
from tests.analytics.rows import Failure, Request, lay, roll_up
from tests.factories import UserFactory
from tests.jobs.admin.test_markup import Strict

PAGES = ("usage", "performance", "errors", "cache")
#: The section of the rail that says that one is in it.
HERE = r'<a href="/admin/analytics/usage/" data-key="\w" aria-current="page"'
DAYS = {"from": "2026-03-02", "to": "2026-03-05"}


class Tables(HTMLParser):
    """Collects the texts of all tables' cells, and the charts' data."""

    def __init__(self):
        super().__init__()
        self.tables, self.cell, self.data, self.in_data = [], None, [], False

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = ""
        elif tag == "script" and dict(attrs).get("type") == "application/json":
            self.in_data = True

    def handle_data(self, data):
        if self.in_data:
            self.data.append(json.loads(data))
        elif self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self.cell.strip())
            self.cell = None
        elif tag == "script":
            self.in_data = False


def client_of(role):
    client = Client()
    client.force_login(UserFactory(user_id=f"{role}-1", role=role))
    return client


@pytest.fixture
def viewer(db):
    return client_of(Role.VIEWER)


def page(client, name, status=200, **parameters):
    response = client.get(reverse(f"analytics:{name}"), parameters)
    assert response.status_code == status, response.content
    return response.content.decode()


def parsed(client, name, **parameters):
    parser = Tables()
    parser.feed(page(client, name, **parameters))
    return parser


def test_usage_stands_in_tables_and_in_the_chart(viewer, trace):
    shown = parsed(viewer, "usage", **DAYS)
    by_day, by_function = shown.tables
    wanted = Counter(f"{each.timestamp:%Y-%m-%d}" for each in trace.requests)
    failed = Counter(f"{each.timestamp:%Y-%m-%d}" for each in trace.requests if each.status_code >= 400)
    assert by_day[0][:3] == ["Day, UTC", "Requests", "Errors"]
    assert {row[0]: (int(row[1]), int(row[2])) for row in by_day[1:]} == {
        day: (wanted[day], failed[day]) for day in wanted
    }
    assert {row[0]: int(row[1]) for row in by_function[1:]} == Counter(each.language_title for each in trace.requests)
    [chart] = shown.data
    assert [series["label"] for series in chart["series"]] == ["Requests", "Errors"]
    assert chart["series"][0]["values"] == [wanted[day] for day in sorted(wanted)]
    assert chart["times"][0] == BEGIN.timestamp() and len(chart["times"]) == 4 and chart["unit"] == "count"


def test_performance_has_four_lines_of_percentiles(viewer, trace):
    shown = parsed(viewer, "performance", **DAYS)
    [chart] = shown.data
    assert [series["label"] for series in chart["series"]] == ["p50", "p90", "p95", "p99"]
    assert all(a <= b <= c <= d for a, b, c, d in zip(*(series["values"] for series in chart["series"]), strict=True))
    assert shown.tables[1][0][:6] == ["Function", "Requests", "Average", "p50", "p90", "p95"]
    longest = max(each.duration_ms for each in trace.of(language_title="python-summarize"))
    row = next(row for row in shown.tables[1] if row[0] == "python-summarize")
    assert row[shown.tables[1][0].index("Longest")] == milliseconds(longest)


def test_errors_lead_to_an_example_and_back(viewer, trace):
    text = page(viewer, "errors", **DAYS)
    shown = Tables()
    shown.feed(text)
    groups = shown.tables[1][1:]
    failed = Counter((each.failures[0].error_code, each.language_title) for each in trace.requests if each.failures)
    assert {(row[0], row[1]): int(row[2]) for row in groups} == failed
    kinds = {series["label"]: sum(series["values"]) for series in shown.data[1]["series"]}
    assert kinds == Counter(each.failures[0].error_code for each in trace.requests if each.failures)
    examples = re.findall(r'href="(/admin/analytics/requestlog/[0-9a-f-]{36}/change/)"', text)
    assert len(examples) == len(groups)
    detail = viewer.get(examples[0]).content.decode()
    assert groups[0][0] in detail and groups[0][1] in detail
    links = re.findall(r'href="(/admin/analytics/(?:usage|performance|errors)/\?[^"]+)"', detail)
    assert len(links) == 3
    for address in links:
        around = viewer.get(address.replace("&amp;", "&")).content.decode()
        assert "No request was logged" not in around and f"<option selected>{groups[0][1]}</option>" in around
    [error] = re.findall(r'href="(/admin/analytics/errorlog/[0-9a-f-]{36}/change/)"', detail)
    assert "/admin/analytics/errors/?from=" in viewer.get(error).content.decode()


def test_rare_kinds_of_errors_share_a_line(viewer, nothing):
    lay(
        [
            Request(BEGIN + timedelta(seconds=number), status_code=500, failures=[Failure(f"Error{number % 6}")])
            for number in range(20)
        ]
    )
    roll_up(END)
    series = parsed(viewer, "errors", **DAYS).data[1]["series"]
    assert {line["label"]: sum(line["values"]) for line in series} == {
        "Error0": 4, "Error1": 4, "Error2": 3, "Error3": 3, "All others": 6
    }  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_names_are_text_whatever_is_in_them(viewer, nothing, name):
    word = '<script>alert("x")</script>'
    lay([Request(BEGIN, word, status_code=500, failures=[Failure(word)])])
    roll_up(END)
    text = page(viewer, name, **DAYS)
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text
    if name == "errors":
        shown = Tables()
        shown.feed(text)
        assert shown.tables[1][1][:2] == [word, word] and shown.data[1]["series"][0]["label"] == word


def test_cache_shows_hits(viewer, trace):
    shown = parsed(viewer, "cache", **DAYS)
    hits = Counter(each.language_title for each in trace.requests if each.cached)
    assert {row[0]: int(row[2]) for row in shown.tables[1][1:]} == hits
    assert shown.data[0]["unit"] == "percent"


def test_comparing_shows_what_was_before(viewer, trace):
    middle = BEGIN + timedelta(days=2)
    before = sum(each.timestamp < middle for each in trace.requests)
    after = len(trace.requests) - before
    text = page(viewer, "usage", **{"from": "2026-03-04", "to": "2026-03-05"}, granularity="day", compare="previous")
    assert changed("requests", round(after / before - 1, 4)) in text
    assert "2026-03-04 to 2026-03-05 UTC, compared with 2026-03-02 to 2026-03-03 UTC" in text
    shown = Tables()
    shown.feed(text)
    dashed = [series for series in shown.data[0]["series"] if series["dashed"]]
    assert [sum(series["values"]) for series in dashed] == [before]


def test_one_function_is_chosen_among_those_of_the_catalogue(viewer, trace):
    Function.objects.create(language="ruby", title="report", language_title="ruby-report")
    text = page(viewer, "usage", **DAYS, language_title="go-resize")
    assert "<option selected>go-resize</option>" in text and "<option>ruby-report</option>" in text
    shown = Tables()
    shown.feed(text)
    assert [row[0] for row in shown.tables[1][1:]] == ["go-resize"]


def test_links_keep_the_question(viewer, trace):
    text = page(viewer, "usage", **DAYS, compare="previous")
    lasting = "from=2026-03-02T00%3A00%3A00Z&amp;to=2026-03-06T00%3A00%3A00Z&amp;granularity=day&amp;compare=previous"
    assert f'href="/admin/analytics/usage/?{lasting}">Permalink' in text
    assert f'href="/api/v1/analytics/usage?format=csv&amp;{lasting}"' in text
    assert f'href="/api/v1/analytics/timeseries?format=csv&amp;{lasting}"' in text
    assert 'href="/admin/analytics/errors/?from=2026-03-02&amp;to=2026-03-05&amp;compare=previous"' in text
    for address in re.findall(r'href="(/(?:admin/analytics|api/v1/analytics)/[^"]+)"', text):
        response = viewer.get(address.replace("&amp;", "&"))
        assert response.status_code == 200, address
    again = page(viewer, "usage", **{"from": "2026-03-02T00:00:00Z", "to": "2026-03-06T00:00:00Z"})
    assert 'value="2026-03-02"' in again and 'value="2026-03-05"' in again


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_page_says_so(viewer, nothing, name):
    assert "Nothing has been rolled up yet" in page(viewer, name)
    lay([Request(BEGIN)])
    roll_up(END)
    text = page(viewer, name, **{"from": "2026-02-02", "to": "2026-02-03"})
    assert "No request was logged in this time." in text and "Data through" in text


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"range": "8d"}, "range: Must be one of 24h"),
        ({"from": "2026-02-31"}, "from: Must be a date and time"),
        ({"from": "2026-03-05", "to": "2026-03-01"}, "from: Must be before to."),
        ({"from": "2010-01-01"}, "granularity: That would be"),
        ({"to": "9999-12-31"}, "to: Must be"),
        ({"granularity": "week"}, "granularity: Must be hour or day."),
        ({"language_title": "x" * 200}, "language_title: Has at most 128"),
        ({"from": '"><script>'}, "from: Must be a date and time"),
    ],
)
def test_what_cannot_be_shown_is_said(viewer, parameters, words):
    text = page(viewer, "performance", 400, **parameters)
    assert words in text and "<script>" not in text and "<select" in text


def test_empty_fields_are_not_asked(viewer, trace):
    fields = {"range": "", "granularity": "", "language_title": "", **DAYS}
    assert page(viewer, "usage", **fields).count("By function") == 1


@pytest.mark.parametrize("name", PAGES)
def test_pages_keep_to_a_strict_policy(viewer, trace, name):
    text = page(viewer, name, **DAYS, compare="previous")
    parser = Strict()
    # Data is no script.
    parser.feed(re.sub(r'<script id="[\w-]+" type="application/json">[^<]*</script>', "", text))
    assert parser.faults == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.USER, Role.WORKER])
def test_others_are_asked_to_log_in(role):
    client = client_of(role)
    for name in PAGES:
        response = client.get(reverse(f"analytics:{name}"))
        assert response.status_code == 302 and "/admin/login/" in response.url
    assert Client().get(reverse("analytics:usage")).status_code == 302


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_staff_find_the_pages_in_the_header(db, role):
    client = client_of(role)
    assert 'href="/admin/analytics/usage/"' in client.get("/admin/").content.decode()
    for name in PAGES:
        assert re.search(HERE, page(client, name)), name
        assert '<a href="/admin/analytics/requestlog/">Request log</a>' in page(client, name)
    log = client.get("/admin/analytics/requestlog/").content.decode()
    assert re.search(HERE.replace("usage", "requestlog"), log)


@pytest.mark.usefixtures("handlers_as_app")
@pytest.mark.parametrize("name", PAGES)
def test_the_web_process_may_read_what_it_shows(viewer, trace, name):
    shown = parsed(viewer, name, **DAYS)
    assert len(shown.tables[0]) == 1 + 4 and len(shown.tables[1]) >= 1 + len(FUNCTIONS)
    assert viewer.get("/admin/").status_code == 200


def test_only_looking_is_possible(viewer):
    assert viewer.post(reverse("analytics:usage")).status_code == 405
    assert viewer.head(reverse("analytics:usage")).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_pages_ask_the_rollups_only_however_many_functions_there_are(viewer, trace, name):
    alias = router.db_for_read(UsageDay)

    def asked():
        with CaptureQueriesContext(connections[alias]) as captured:
            page(viewer, name, **DAYS)
        return [query["sql"] for query in captured]

    page(viewer, name)  # The first visit notes that the viewer was there.
    before = asked()
    assert not any("request_logs" in sql or "error_logs" in sql for sql in before)
    lay([Request(END - timedelta(hours=1, seconds=number), f"perl-{number}") for number in range(20)])
    roll_up(END + timedelta(hours=1))
    assert len(asked()) == len(before)
    assert sum("usage_" in sql or "error_hours" in sql for sql in before) <= 5


def test_the_overview_tells_of_the_last_24_hours(viewer, nothing):
    assert "requests in 24 h" not in viewer.get("/admin/").content.decode()
    lay([Request(now() - timedelta(hours=2), status_code=status) for status in (200, 200, 200, 500)])
    roll_up(now())
    text = viewer.get("/admin/").content.decode()
    assert "<b>4</b> requests in 24 h" in text and "25 % of them failed" in text


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 ms"), (0.5, "0.5 ms"), (26.26, "26.3 ms"), (999, "999 ms"), (1050, "1.05 s"), (90_000, "1.5 min")],
)
def test_durations_have_a_unit(value, words):
    assert milliseconds(value) == words


def test_rates_change_in_points_and_all_else_in_parts():
    assert (percent(0.0207), percent(1)) == ("2.07 %", "100 %")
    assert changed("error_rate", 0.0098) == "+0.98 points"
    assert changed("requests", -0.5) == "−50 %"
    assert changed("requests", 12.5) == "+1,250 %"
    assert changed("requests", None) == ""

import csv
import io

import pytest
from rest_framework.test import APIClient

from accounts.roles import Role
from analytics.api.csv import flatten
from tests.analytics.api.conftest import BEGIN
from tests.analytics.rows import Failure, Request, lay, roll_up
from tests.api_client import client_of
from tests.factories import UserFactory


def rows(response):
    return list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))


def same(cell, value):
    if value is None:
        return cell == ""
    if isinstance(value, str):
        return cell == value.replace("Z", "+00:00") if value.endswith("Z") else cell == value
    return float(cell) == value


@pytest.mark.parametrize("compare", [{}, {"compare": "previous"}])
@pytest.mark.parametrize("report", ["usage", "performance", "errors", "cache", "timeseries"])
def test_a_table_tells_what_json_tells(ask, trace, report, compare):
    body, table = ask(report, **compare), rows(ask(report, format="csv", **compare))
    assert len(table) == len(body["data"]) > 0
    for line, row in zip(table, body["data"], strict=True):
        flat = flatten(row)
        assert list(line) == list(flat)
        assert all(same(line[name], value) for name, value in flat.items()), (line, flat)


def test_usage_by_the_day_is_a_table_too(ask, trace):
    table = rows(ask("usage", format="csv", by="time"))
    assert list(table[0])[:3] == ["time", "language_title", "requests"]
    assert sum(int(line["requests"]) for line in table) == len(trace.requests)


def test_a_table_is_a_file(ask, trace):
    response = ask("performance", format="csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="performance-2026-03-02-to-2026-03-06.csv"'
    assert response["Data-Through"] == ask("performance")["data_through"].replace("Z", "+00:00")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/csv", "text/csv; charset=utf-8"), ("application/json", "application/json"), ("*/*", "application/json")],
)
@pytest.mark.django_db
def test_accept_chooses_the_form(accept, kind):
    client: APIClient = client_of(UserFactory(role=Role.VIEWER))
    response = client.get("/api/v1/analytics/usage", HTTP_ACCEPT=accept)
    assert (response.status_code, response["Content-Type"]) == (200, kind)


@pytest.mark.parametrize("report", ["usage", "errors"])
def test_an_empty_table_has_its_names(ask, nothing, report):
    full = ask(report, format="csv", compare="previous").content.decode().splitlines()
    assert len(full) == 1 and full[0].startswith("language_title,") and "change_errors" in full[0]


@pytest.mark.parametrize("word", ["=cmd|'/c calc'!A1", "+1+1", "-2", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(ask, nothing, word):
    lay([Request(BEGIN, language_title=word, status_code=500, failures=[Failure(word)])])
    roll_up(BEGIN.replace(day=4))
    [line] = rows(ask("errors", format="csv"))
    assert (line["language_title"], line["error_code"]) == (f"'{word}", f"'{word}")
    [line] = rows(ask("usage", format="csv"))
    assert line["language_title"] == f"'{word}"


def test_commas_quotes_and_lines_stay_in_their_cell(ask, nothing):
    word = 'a "quoted", word\nand a line'
    lay([Request(BEGIN, language_title=word)])
    roll_up(BEGIN.replace(day=4))
    assert rows(ask("usage", format="csv"))[0]["language_title"] == word


def test_numbers_stay_numbers(ask, trace):
    window = {"from": "2026-03-03T00:00:00Z", "to": "2026-03-04T00:00:00Z"}
    lines = rows(ask("usage", format="csv", compare="previous", **window))
    changes = [float(line["change_avg_duration_ms"]) for line in lines if line["change_avg_duration_ms"]]
    assert changes and any(change < 0 for change in changes)

"""Charts are drawn true to scale, break where nothing was measured, and say in words what they show."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from jobs.admin.axes import feet, scale
from jobs.admin.charts import Frame, Line, area_chart, bar_chart, sparkline
from jobs.admin.history_charts import count, rate
from jobs.queues import DEPTH_CAP

AT = [datetime(2026, 5, 1, 11, 30, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(60)]


def frame(slots=4, **more):
    return Frame("How many", AT[:slots], 1, str, **more)


def path(markup, name):
    return re.search(rf'class="{name}[^"]*" d="([^"]*)"', markup)[1]


def test_a_sparkline_breaks_where_nothing_was_measured():
    drawn = sparkline([0, 10, None, 5, 10], "25 in a <day>", width=104, height=24)
    assert 'role="img" aria-label="25 in a &lt;day&gt;"' in drawn and "style=" not in drawn
    assert re.findall(r'class="line" d="([^"]*)"', drawn) == ["M2.0 22.0 27.0 2.0", "M77.0 12.0 102.0 2.0"]
    assert sparkline([], "nothing") and sparkline([None, 3], "one")


@pytest.mark.parametrize(
    ("highest", "kind", "lines"),
    [
        (0, {}, [0, 1]),
        (3, {"whole": True}, [0, 1, 2, 3]),
        (97, {}, [0, 25, 50, 75, 100]),
        (0.31, {}, [0, 0.1, 0.2, 0.3, 0.4]),
        (250, {"seconds": True}, [0, 120, 240, 360]),
        (0.018, {"seconds": True}, [0, 0.005, 0.01, 0.015, 0.02]),
        (200_000, {"seconds": True}, [0, 86_400, 172_800, 259_200]),
    ],
)
def test_the_grid_is_at_round_numbers(highest, kind, lines):
    assert scale(highest, **kind) == pytest.approx(lines)


def test_the_foot_has_round_times_of_the_operators_zone():
    assert feet(AT, 1) == [(0.0, "11:30"), (0.25, "11:45"), (0.5, "12:00"), (0.75, "12:15")]
    days = [AT[0] + timedelta(hours=2 * slot) for slot in range(84)]
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert [words for _x, words in feet(days, 120)][:2] == ["Sat 2", "Sun 3"]


def test_areas_end_where_nothing_was_measured_and_say_so_there():
    drawn = area_chart(frame(), [Line("jobs", [1, 2, None, 4])])
    assert path(drawn, "line") == "M0.5 75.00 1.5 50.00M3.5 0.00h.01"
    assert path(drawn, "area") == "M0.5 75.00 1.5 50.00L1.5 100.00 0.5 100.00Z"
    assert drawn.count('class="unknown"') == 1 and 'class="unknown" x="2"' in drawn
    assert "2026-05-01 11:31\njobs: 2" in drawn and 'aria-label="How many"' in drawn


def test_a_time_in_which_nothing_happened_is_no_time_in_which_nobody_looked():
    drawn = area_chart(frame(known=[True, True, False, True]), [Line("wait", [1, None, None, 1])])
    assert re.findall(r'class="unknown" x="(\d)"', drawn) == ["2"]


def test_stacked_areas_lie_on_each_other():
    drawn = area_chart(frame(2), [Line("a", [1, 1], "1"), Line("b", [3, 1], "2")], stacked=True)
    assert re.findall(r'class="line" d="([^"]*)"', drawn) == ["M0.5 75.00 1.5 75.00", "M0.5 0.00 1.5 50.00"]
    assert "M0.5 0.00 1.5 50.00L1.5 75.00 0.5 75.00Z" in drawn
    assert '<li class="tone-1">a</li><li class="tone-2">b</li>' in drawn


def test_bars_stand_on_each_other_and_nothing_is_no_bar():
    drawn = bar_chart(frame(3), [Line("a", [1, 0, None]), Line("b", [3, 2, None], "bad")])
    assert path(drawn, "bars tone-1") == "M0.12 100.00V75.00h.76V100.00Z"
    assert path(drawn, "bars tone-bad") == "M0.12 75.00V0.00h.76V75.00ZM1.12 100.00V50.00h.76V100.00Z"


def test_labels_are_escaped():
    drawn = area_chart(frame(2), [Line("<script>", [1, 1]), Line("b", [1, 1])], stacked=True)
    assert "<script>" not in drawn and drawn.count("&lt;script&gt;") == 3


def test_figures_have_as_many_digits_as_they_tell():
    assert [count(value) for value in (0, 9_999, 12_500, 2_000_000)] == ["0", "9,999", "12.5 k", "2 M"]
    assert count(DEPTH_CAP) == "100,000+", "nobody has counted further"
    assert [rate(value) for value in (0.04, 1.24, 3, 41.7, None)] == ["0.04", "1.2", "3", "42", "–"]

import pytest
from django.db import connection

from jobs import rates
from jobs.rates import Rate


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "starts", "seconds"),
    [
        ("60/m", 60, 60),
        ("10/30s", 10, 30),
        ("1/s", 1, 1),
        ("999999/99h", 999_999, 99 * 3600),
        ("5/31d", 5, 31 * 86_400),
    ],
)
def test_python_and_sql_read_rates_alike(text, starts, seconds):
    assert rates.parse(text) == Rate(starts, seconds)
    with connection.cursor() as cursor:
        cursor.execute("SELECT starts, seconds FROM rate_of(%s)", [text])
        assert cursor.fetchone() == (starts, seconds)


@pytest.mark.parametrize(
    "text", ["", "60", "60/", "0/m", "-1/m", "1.5/m", "60/w", "60/0s", "1/32d", "1/m\n", " 1/m", 60, None]
)
def test_what_is_no_rate(text):
    assert rates.parse(text) is None

import logging

import pytest

from config.log_fields import Fields
from tests.api_client import client_of
from tests.factories import UserFactory


@pytest.mark.django_db
def test_log_lines_of_a_request_carry_its_id(monkeypatch):
    client = client_of(UserFactory())
    records = []

    class Listener(logging.Handler):
        def emit(self, record):
            records.append(record)

    listener = Listener()
    listener.addFilter(Fields())
    logger = logging.getLogger("config.api.problems")
    logger.addHandler(listener)
    monkeypatch.setattr("accounts.api.me.MeView.get", lambda *args: logger.warning("here"))
    try:
        client.get("/api/v1/me", HTTP_X_REQUEST_ID="abc")
        logger.warning("outside")
    finally:
        logger.removeHandler(listener)
    ids = {record.getMessage(): getattr(record, "request_id", None) for record in records}
    assert ids == {"here": "abc", "outside": None}

from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, router

from accounts.models import User
from analytics.models import RequestLog
from config import databases, env
from config.exceptions import InvalidSetting
from config.routers import LOGS, LogsRouter

SECRET = {"SECRET_KEY": "x" * 60, "DATABASE_URL": "postgresql://app@db.internal/ekiden"}


def configured(**environment: str):
    return databases.configured(env.load({**SECRET, **environment}))


def test_one_database_is_enough():
    assert set(configured()) == {DEFAULT_DB_ALIAS}


def test_the_logs_database_gets_the_same_options():
    both = configured(LOGS_DATABASE_URL="postgresql://logs@logs.internal:6000/ekiden_logs", EKIDEN_PROCESS="web")
    assert both[LOGS]["HOST"] == "logs.internal" and both[LOGS]["NAME"] == "ekiden_logs"
    assert both[LOGS]["OPTIONS"] == both[DEFAULT_DB_ALIAS]["OPTIONS"]


def test_tests_of_one_name_keep_two_databases():
    both = configured(LOGS_DATABASE_URL="postgresql://logs@db.internal/ekiden_logs", TEST_DB_NAME="test_mine")
    assert (both[DEFAULT_DB_ALIAS]["TEST"], both[LOGS]["TEST"]) == ({"NAME": "test_mine"}, {"NAME": "test_mine_logs"})


def test_the_same_database_twice_is_refused():
    with pytest.raises(InvalidSetting, match="another database than DATABASE_URL"):
        configured(LOGS_DATABASE_URL="postgresql://other@db.internal/ekiden")


def test_a_url_that_cannot_be_read_is_named():
    with pytest.raises(InvalidSetting, match="LOGS_DATABASE_URL cannot be read"):
        configured(LOGS_DATABASE_URL="postgresql://db/ekiden?nonsense=1")


class TestRouter:
    @pytest.fixture
    def two(self):
        with patch.dict(settings.DATABASES, {LOGS: {}}):
            yield LogsRouter()

    def test_sends_analytics_to_the_logs_and_nothing_else(self, two):
        assert (two.db_for_read(RequestLog), two.db_for_write(RequestLog)) == (LOGS, LOGS)
        assert (two.db_for_read(User), two.db_for_write(User)) == (None, None)

    def test_migrates_each_app_in_one_place(self, two):
        assert two.allow_migrate(LOGS, "analytics") and two.allow_migrate(DEFAULT_DB_ALIAS, "jobs")
        assert two.allow_migrate(LOGS, "jobs") is two.allow_migrate(DEFAULT_DB_ALIAS, "analytics") is False

    def test_refuses_relations_across(self, two):
        assert two.allow_relation(User(), RequestLog()) is False
        assert two.allow_relation(User(), User()) is None

    @pytest.mark.skipif(LOGS in connections, reason="not for a run with two databases")
    def test_leaves_everything_in_one_place_without_the_setting(self):
        assert router.db_for_write(RequestLog) == DEFAULT_DB_ALIAS
        assert router.allow_migrate(DEFAULT_DB_ALIAS, "analytics")

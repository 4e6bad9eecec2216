import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import env
from config.exceptions import InvalidSetting
from config.variables import duration

SECRET = {"SECRET_KEY": "x" * 60}


def test_defaults_are_those_of_the_documents(tmp_path):
    settings = env.load({**SECRET, "EKIDEN_VAR_DIR": str(tmp_path)})
    assert settings.job_queue_worker_count == 5
    assert settings.job_queue_max_retries == 3
    assert settings.job_queue_batch_size == 100
    assert settings.job_queue_poll_interval == 5.0
    assert settings.job_queue_lock_duration == 300.0
    assert settings.rate_limit_requests_per_minute == 100
    assert settings.port == 8000
    assert not settings.debug


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5.0), ("5m", 300.0), ("250ms", 0.25), ("1h", 3600.0), ("2.5", 2.5), (" 7s ", 7.0)]
)
def test_duration_takes_the_units_people_write(text, seconds):
    assert duration(text) == seconds


@given(st.integers(0, 10**9))
def test_duration_of_milliseconds_is_a_thousandth(number):
    assert duration(f"{number}ms") == pytest.approx(number / 1000)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("JOB_QUEUE_POLL_INTERVAL", "soon", "a duration such as"),
        ("JOB_QUEUE_POLL_INTERVAL", "-5s", "a duration such as"),
        ("JOB_QUEUE_POLL_INTERVAL", "0s", "between 0.05 and 3600"),
        ("JOB_QUEUE_LOCK_DURATION", "5 minutes", "a duration such as"),
        ("JOB_QUEUE_WORKER_COUNT", "many", "a whole number from 1"),
        ("JOB_QUEUE_WORKER_COUNT", "0", "a whole number from 1"),
        ("JOB_QUEUE_WORKER_COUNT", "２", "a whole number from 1"),
        ("JOB_QUEUE_MAX_RETRIES", "3.5", "a whole number from 0"),
        ("EKIDEN_PORT", "70000", "a whole number from 1 to 65535"),
        ("DEBUG", "ture", "true or false"),
        ("LOG_FORMAT", "xml", "one of auto, text, json"),
        ("DATABASE_URL", "sqlite:///db.sqlite3", "a PostgreSQL URL"),
        ("CSRF_TRUSTED_ORIGINS", "example.org", "addresses such as https://example.org"),
        ("SECRET_KEY", "short", "at least 50 random characters"),
        ("AI_PROVIDERS", "groq,gpt", "groq and claude, each at most once"),
        ("AI_PROVIDERS", "groq,groq", "groq and claude, each at most once"),
        ("AI_DAILY_SPEND_LIMIT", "5 dollars", "an amount of US dollars from 0 to 100000"),
        ("AI_DAILY_SPEND_LIMIT", "-1", "an amount of US dollars from 0 to 100000"),
        ("GROQ_INPUT_PRICE", "cheap", "an amount of US dollars from 0 to 10000"),
        ("GROQ_BASE_URL", "api.groq.com", "an address such as https://example.org/v1"),
        ("ANTHROPIC_BASE_URL", "https://user:secret@example.org", "an address such as https://example.org/v1"),
        ("GROQ_API_KEY", "ключ", "a key of visible ASCII characters"),
        ("ANTHROPIC_MODEL", "", "the name of a model"),
        ("SPEECH_BASE_URL", "localhost:8880", "an address such as https://example.org/v1"),
        ("SPEECH_API_KEY", "sk-two\nlines", "a key of visible ASCII characters"),
        ("SPEECH_FORMAT", "ogg", "one of mp3, wav"),
        ("SPEECH_TIMEOUT", "1h", "between 0.1 and 220 seconds"),
        ("SPEECH_PRICE", "much", "an amount of US dollars from 0 to 100000"),
        ("EKIDEN_MEDIA_STORAGE_OPTIONS", "bucket", "a JSON object such as"),
        ("EKIDEN_MEDIA_STORAGE_OPTIONS", "[1]", "a JSON object such as"),
    ],
)
def test_wrong_value_is_named_with_what_is_wanted(name, value, wanted):
    with pytest.raises(InvalidSetting) as refusal:
        env.load({**SECRET, name: value})
    assert str(refusal.value).startswith(name)
    assert wanted in str(refusal.value)


def test_a_key_is_not_repeated_in_the_error_or_shown_with_the_settings():
    with pytest.raises(InvalidSetting) as refusal:
        env.load({**SECRET, "GROQ_API_KEY": "gsk canary"})
    assert "canary" not in str(refusal.value)
    assert "canary" not in repr(env.load({**SECRET, "GROQ_API_KEY": "gsk_canary", "ANTHROPIC_API_KEY": "canary"}))


def test_misspelt_name_is_reported_with_the_right_one():
    with pytest.raises(InvalidSetting, match="Did you mean JOB_QUEUE_POLL_INTERVAL"):
        env.load({**SECRET, "JOB_QUEUE_POL_INTERVAL": "5s"})


def test_heartbeat_that_is_slower_than_the_lock_is_refused():
    with pytest.raises(InvalidSetting, match="JOB_QUEUE_HEARTBEAT_INTERVAL"):
        env.load({**SECRET, "JOB_QUEUE_LOCK_DURATION": "15s", "JOB_QUEUE_HEARTBEAT_INTERVAL": "10s"})


def test_a_session_cannot_live_longer_than_the_most_by_default():
    with pytest.raises(InvalidSetting, match="SESSION_TTL"):
        env.load({**SECRET, "SESSION_TTL": "2h", "SESSION_MAX_TTL": "1h"})


def test_hosts_that_share_a_database_must_be_given_the_secret():
    with pytest.raises(InvalidSetting, match="SECRET_KEY"):
        env.load({"DATABASE_URL": "postgresql://db/ekiden"})


def test_own_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    first = env.load({"EKIDEN_VAR_DIR": str(tmp_path)}).secret_key
    assert len(first) >= 50
    assert env.load({"EKIDEN_VAR_DIR": str(tmp_path)}).secret_key == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_settings_cannot_be_changed(tmp_path):
    settings = env.load({**SECRET, "EKIDEN_VAR_DIR": str(tmp_path)})
    with pytest.raises(AttributeError):
        settings.port = 1


@pytest.mark.parametrize(
    "given, exporter",
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, ""),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "otlp"),
    ],
)
def test_traces_are_made_where_opentelemetrys_variables_ask_for_them(given, exporter):
    assert env.load({**SECRET, **given}).traces_exporter == exporter


def test_traces_over_grpc_are_refused_at_the_start():
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(InvalidSetting, match="http/protobuf"):
        env.load({**SECRET, **asked})
    with pytest.raises(InvalidSetting, match="OTEL_TRACES_EXPORTER"):
        env.load({**SECRET, "OTEL_TRACES_EXPORTER": "jaeger"})

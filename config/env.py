"""The only reader of the process environment.

Every value is checked here, once, when the settings load: a wrong one is reported by its name and by what
is wanted instead.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.exceptions import InvalidSetting
from config.variables import Reader

BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment decides. Durations are seconds."""

    #: What this process is: only a web process keeps a pool of database connections.
    process: str
    debug: bool
    secret_key: str
    api_key_pepper: str
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    #: The site is reached through HTTPS, by a proxy that sets X-Forwarded-Proto.
    https: bool
    port: int
    host: str
    var_dir: Path
    static_root: Path
    #: Files that jobs make, such as podcasts, where the storage is a directory.
    media_root: Path
    #: The class of Django's storage for them; empty: that directory.
    media_storage: str
    media_storage_options: dict[str, Any]
    #: Empty: the embedded PostgreSQL in `var_dir`.
    database_url: str
    #: The database of request logs and analytics; empty: the same one.
    logs_database_url: str
    #: How `manage.py backup` connects: as a role that row security does not apply to; empty: like everything else.
    backup_database_url: str
    backup_logs_database_url: str
    #: How web processes and workers connect, if not like the owner; see docs/security.md.
    app_database_url: str
    app_logs_database_url: str
    worker_database_url: str
    worker_logs_database_url: str
    #: The role that this process works as, if it is not the one that it logs in as.
    database_role: str
    #: Of the roles that `manage.py setup_roles` makes, by name.
    role_passwords: dict[str, str]
    #: Requests that one web process works on at the same time; the others wait.
    web_threads: int
    database_pool_size: int
    #: The name of the database that tests make and drop; empty: Django's choice.
    test_db_name: str
    #: Where tests have this process kill itself; see jobs/crash_points.py.
    crash_point: str
    redis_url: str
    #: The hosts of one Elasticsearch or OpenSearch, with user and password if wanted; empty: PostgreSQL searches.
    elasticsearch_urls: list[str]
    elasticsearch_api_key: str
    #: Certificates to trust besides those of the machine; empty: those alone.
    elasticsearch_ca_certs: str
    #: The alias that searches go to, and what the names of its indexes begin with.
    elasticsearch_index: str
    #: How long a search may take before PostgreSQL answers it.
    elasticsearch_timeout: float
    #: /metrics is open to everybody who reaches it, not only to staff and to this machine.
    metrics_public: bool
    log_level: str
    log_format: str
    #: otlp or console, by OpenTelemetry's own variables; empty: no traces.
    traces_exporter: str
    traces_service_name: str
    job_queue_worker_count: int
    job_queue_max_retries: int
    job_queue_batch_size: int
    job_queue_poll_interval: float
    job_queue_lock_duration: float
    job_queue_heartbeat_interval: float
    job_queue_grace: float
    job_queue_retention_days: int
    #: None is the same as that.
    job_queue_retention_completed_days: int | None
    job_queue_retention_failed_days: int | None
    job_queue_retention_cancelled_days: int | None
    job_queue_retention_deleted_days: int | None
    job_queue_payload_max_bytes: int
    job_queue_result_max_bytes: int
    job_queue_log_lines: int
    #: How much time one partition of the request log holds: monthly or daily.
    log_partitions: str
    log_retention_months: int
    log_payload_max_bytes: int
    analytics_hourly_days: int
    analytics_metrics_days: int
    session_ttl: float
    session_max_ttl: float
    session_retention_days: int
    rate_limit_requests_per_minute: int
    #: How long somebody is logged in to the console, and how long without doing anything.
    console_session_age: float
    console_idle_time: float
    #: Staff need a second device to log in.
    console_require_two_step: bool
    rate_limit_burst_size: int
    ai_request_timeout: float
    ai_max_concurrent_requests: int
    ai_fallback_enabled: bool
    #: In the order in which they are asked.
    ai_providers: list[str]
    #: US dollars for each user and day; 0 is no limit.
    ai_daily_spend_limit: Decimal
    ai_call_retention_days: int
    article_deleted_retention_days: int
    #: How long one attempt to deliver a webhook may take.
    webhook_timeout: float
    #: Hosts of our own networks that webhooks may be sent to.
    webhook_private_hosts: list[str]
    webhook_retention_days: int
    bulk_operation_retention_days: int
    #: Empty: the provider is not asked.
    groq_api_key: str = field(repr=False)
    groq_base_url: str
    groq_model: str
    #: US dollars per million tokens.
    groq_input_price: Decimal
    groq_output_price: Decimal
    #: 0: as many as we like.
    groq_requests_per_minute: int
    groq_burst_size: int
    anthropic_api_key: str = field(repr=False)
    anthropic_base_url: str
    anthropic_model: str
    anthropic_input_price: Decimal
    anthropic_output_price: Decimal
    anthropic_requests_per_minute: int
    anthropic_burst_size: int
    #: Where scripts are made into audio, up to the part before /audio/speech; empty: by espeak-ng.
    speech_base_url: str
    speech_api_key: str = field(repr=False)
    speech_model: str
    speech_voice: str
    speech_format: str
    #: For one request; a long script takes several.
    speech_timeout: float
    #: In US dollars per million characters.
    speech_price: Decimal


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the whole environment."""
    read = Reader(os.environ if environment is None else environment)
    var_dir = Path(read.text("EKIDEN_VAR_DIR") or BASE_DIR / "var").expanduser().absolute()
    database_url = read.text("DATABASE_URL")
    debug = read.flag("DEBUG", False)
    # A host that only serves or only works need not know how the owner logs in.
    elsewhere = database_url or read.text("APP_DATABASE_URL") or read.text("WORKER_DATABASE_URL")
    secret_key = _secret_key(read, var_dir, private=not elsewhere)
    settings = Settings(
        process=read.choice("EKIDEN_PROCESS", "command", ("command", "web", "worker")),
        debug=debug,
        secret_key=secret_key,
        api_key_pepper=read.text("API_KEY_PEPPER") or secret_key,
        allowed_hosts=read.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"]),
        csrf_trusted_origins=_origins(read),
        https=read.flag("HTTPS", False),
        port=read.whole("EKIDEN_PORT", 8000, 1, 65535),
        host=read.text("EKIDEN_HOST", "127.0.0.1"),
        var_dir=var_dir,
        static_root=Path(read.text("STATIC_ROOT") or var_dir / "static"),
        media_root=Path(read.text("EKIDEN_MEDIA_ROOT") or var_dir / "media").expanduser().absolute(),
        media_storage=read.text("EKIDEN_MEDIA_STORAGE"),
        media_storage_options=read.json_object("EKIDEN_MEDIA_STORAGE_OPTIONS"),
        database_url=_database_url("DATABASE_URL", database_url),
        logs_database_url=_database_url("LOGS_DATABASE_URL", read.text("LOGS_DATABASE_URL")),
        backup_database_url=_database_url("BACKUP_DATABASE_URL", read.text("BACKUP_DATABASE_URL")),
        backup_logs_database_url=_database_url("BACKUP_LOGS_DATABASE_URL", read.text("BACKUP_LOGS_DATABASE_URL")),
        app_database_url=_database_url("APP_DATABASE_URL", read.text("APP_DATABASE_URL")),
        app_logs_database_url=_database_url("APP_LOGS_DATABASE_URL", read.text("APP_LOGS_DATABASE_URL")),
        worker_database_url=_database_url("WORKER_DATABASE_URL", read.text("WORKER_DATABASE_URL")),
        worker_logs_database_url=_database_url("WORKER_LOGS_DATABASE_URL", read.text("WORKER_LOGS_DATABASE_URL")),
        database_role=_role(read),
        role_passwords=_role_passwords(read),
        web_threads=(web_threads := read.whole("EKIDEN_WEB_THREADS", 8, 1, 200)),
        # One for each thread, and some for the requests that wait on the event loop.
        database_pool_size=read.whole("DATABASE_POOL_SIZE", web_threads + 4, 1, 500),
        test_db_name=read.text("TEST_DB_NAME"),
        crash_point=_crash_point(read),
        redis_url=_redis_url(read.text("REDIS_URL")),
        elasticsearch_urls=[_engine_url(url) for url in read.words("ELASTICSEARCH_URL", [])],
        elasticsearch_api_key=_key("ELASTICSEARCH_API_KEY", read.text("ELASTICSEARCH_API_KEY")),
        elasticsearch_ca_certs=_file("ELASTICSEARCH_CA_CERTS", read.text("ELASTICSEARCH_CA_CERTS")),
        elasticsearch_index=_alias(read.text("ELASTICSEARCH_INDEX", "ekiden-jobs")),
        elasticsearch_timeout=read.seconds("ELASTICSEARCH_TIMEOUT", "2s", 0.05, 60),
        metrics_public=read.flag("METRICS_PUBLIC", False),
        log_level=read.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
        log_format=read.choice("LOG_FORMAT", "auto", ("auto", "text", "json")),
        traces_exporter=_traces_exporter(read),
        traces_service_name=read.text("OTEL_SERVICE_NAME"),
        job_queue_worker_count=read.whole("JOB_QUEUE_WORKER_COUNT", 5, 1, 1000),
        job_queue_max_retries=read.whole("JOB_QUEUE_MAX_RETRIES", 3, 0, 100),
        job_queue_batch_size=read.whole("JOB_QUEUE_BATCH_SIZE", 100, 1, 10_000),
        job_queue_poll_interval=read.seconds("JOB_QUEUE_POLL_INTERVAL", "5s", 0.05, 3600),
        job_queue_lock_duration=read.seconds("JOB_QUEUE_LOCK_DURATION", "5m", 1, 86400),
        job_queue_heartbeat_interval=read.seconds("JOB_QUEUE_HEARTBEAT_INTERVAL", "10s", 0.1, 3600),
        job_queue_grace=read.seconds("JOB_QUEUE_GRACE", "30s", 0, 86400),
        job_queue_retention_days=read.whole("JOB_QUEUE_RETENTION_DAYS", 30, 0, 36500),
        job_queue_retention_completed_days=read.whole_or_none("JOB_QUEUE_RETENTION_COMPLETED_DAYS", 0, 36500),
        job_queue_retention_failed_days=read.whole_or_none("JOB_QUEUE_RETENTION_FAILED_DAYS", 0, 36500),
        job_queue_retention_cancelled_days=read.whole_or_none("JOB_QUEUE_RETENTION_CANCELLED_DAYS", 0, 36500),
        job_queue_retention_deleted_days=read.whole_or_none("JOB_QUEUE_RETENTION_DELETED_DAYS", 0, 36500),
        job_queue_payload_max_bytes=read.whole("JOB_QUEUE_PAYLOAD_MAX_BYTES", 262_144, 1024, 64 << 20),
        job_queue_result_max_bytes=read.whole("JOB_QUEUE_RESULT_MAX_BYTES", 1_048_576, 1024, 64 << 20),
        job_queue_log_lines=read.whole("JOB_QUEUE_LOG_LINES", 200, 0, 2000),
        log_partitions=read.choice("LOG_PARTITIONS", "monthly", ("monthly", "daily")),
        log_retention_months=read.whole("LOG_RETENTION_MONTHS", 3, 0, 1200),
        log_payload_max_bytes=read.whole("LOG_PAYLOAD_MAX_BYTES", 4096, 0, 1 << 20),
        # The week's view reads hours.
        analytics_hourly_days=read.whole("ANALYTICS_HOURLY_DAYS", 35, 8, 3660),
        analytics_metrics_days=read.whole("ANALYTICS_METRICS_DAYS", 400, 0, 36500),
        session_ttl=read.seconds("SESSION_TTL", "1h", 1, 31_536_000),
        session_max_ttl=read.seconds("SESSION_MAX_TTL", "1d", 1, 31_536_000),
        session_retention_days=read.whole("SESSION_RETENTION_DAYS", 30, 0, 36500),
        console_session_age=read.seconds("CONSOLE_SESSION_AGE", "12h", 300, 2_592_000),
        console_idle_time=read.seconds("CONSOLE_IDLE_TIME", "2h", 60, 2_592_000),
        console_require_two_step=read.flag("CONSOLE_REQUIRE_TWO_STEP", False),
        rate_limit_requests_per_minute=read.whole("RATE_LIMIT_REQUESTS_PER_MINUTE", 100, 1, 1_000_000),
        rate_limit_burst_size=read.whole("RATE_LIMIT_BURST_SIZE", 10, 0, 1_000_000),
        ai_request_timeout=read.seconds("AI_REQUEST_TIMEOUT", "30s", 0.1, 3600),
        ai_max_concurrent_requests=read.whole("AI_MAX_CONCURRENT_REQUESTS", 10, 1, 1000),
        ai_fallback_enabled=read.flag("AI_FALLBACK_ENABLED", True),
        ai_providers=_providers(read.words("AI_PROVIDERS", ["groq", "claude"])),
        ai_daily_spend_limit=read.dollars("AI_DAILY_SPEND_LIMIT", "1", 100_000),
        ai_call_retention_days=read.whole("AI_CALL_RETENTION_DAYS", 90, 0, 36500),
        article_deleted_retention_days=read.whole("ARTICLE_DELETED_RETENTION_DAYS", 30, 0, 36500),
        webhook_timeout=read.seconds("WEBHOOK_TIMEOUT", "20s", 1, 30),
        webhook_private_hosts=read.words("WEBHOOK_PRIVATE_HOSTS", []),
        webhook_retention_days=read.whole("WEBHOOK_RETENTION_DAYS", 30, 0, 36500),
        bulk_operation_retention_days=read.whole("BULK_OPERATION_RETENTION_DAYS", 90, 0, 36500),
        groq_api_key=_key("GROQ_API_KEY", read.text("GROQ_API_KEY")),
        groq_base_url=_http_url("GROQ_BASE_URL", read.text("GROQ_BASE_URL", "https://api.groq.com")),
        groq_model=_model("GROQ_MODEL", read.text("GROQ_MODEL", "openai/gpt-oss-120b")),
        groq_input_price=read.dollars("GROQ_INPUT_PRICE", "0.15", 10_000),
        groq_output_price=read.dollars("GROQ_OUTPUT_PRICE", "0.60", 10_000),
        # Of Groq's free plan.
        groq_requests_per_minute=read.whole("GROQ_REQUESTS_PER_MINUTE", 30, 0, 1_000_000),
        groq_burst_size=read.whole("GROQ_BURST_SIZE", 0, 0, 1_000_000),
        anthropic_api_key=_key("ANTHROPIC_API_KEY", read.text("ANTHROPIC_API_KEY")),
        anthropic_base_url=_http_url(
            "ANTHROPIC_BASE_URL", read.text("ANTHROPIC_BASE_URL", "https://api.anthropic.com")
        ),
        anthropic_model=_model("ANTHROPIC_MODEL", read.text("ANTHROPIC_MODEL", "claude-haiku-5-5")),
        anthropic_input_price=read.dollars("ANTHROPIC_INPUT_PRICE", "0.10", 10_000),
        anthropic_output_price=read.dollars("ANTHROPIC_OUTPUT_PRICE", "0.50", 10_000),
        # Of Anthropic's first tier.
        anthropic_requests_per_minute=read.whole("ANTHROPIC_REQUESTS_PER_MINUTE", 50, 0, 1_000_000),
        anthropic_burst_size=read.whole("ANTHROPIC_BURST_SIZE", 0, 0, 1_000_000),
        speech_base_url=(speech_url := read.text("SPEECH_BASE_URL")) and _http_url("SPEECH_BASE_URL", speech_url),
        speech_api_key=_key("SPEECH_API_KEY", read.text("SPEECH_API_KEY")),
        speech_model=read.text("SPEECH_MODEL", "tts-1"),
        speech_voice=read.text("SPEECH_VOICE", "alloy"),
        speech_format=read.choice("SPEECH_FORMAT", "mp3", ("mp3", "wav")),
        speech_timeout=read.seconds("SPEECH_TIMEOUT", "2m", 0.1, 220),
        speech_price=read.dollars("SPEECH_PRICE", "15", 100_000),
    )
    read.refuse_unknown()
    _check_together(settings)
    return settings


def child_environment(process: str) -> dict[str, str]:
    """The environment for a process that we start: ours, and what the process is. We show its lines to people."""
    own = {"EKIDEN_PROCESS": process, "PYTHONUNBUFFERED": "1"}
    return {"LOG_FORMAT": "text", **os.environ, **own}


def _check_together(settings: Settings) -> None:
    if settings.job_queue_heartbeat_interval * 3 > settings.job_queue_lock_duration:
        raise InvalidSetting(
            "JOB_QUEUE_HEARTBEAT_INTERVAL must be at most a third of JOB_QUEUE_LOCK_DURATION, "
            "or a healthy worker would lose its locks."
        )
    if settings.session_ttl > settings.session_max_ttl:
        raise InvalidSetting("SESSION_TTL must be at most SESSION_MAX_TTL.")


def _database_url(name: str, url: str) -> str:
    if url and not url.startswith(("postgres://", "postgresql://")):
        raise InvalidSetting(f"{name} must be a PostgreSQL URL such as postgresql://user:password@host:5432/database.")
    return url


def _redis_url(url: str) -> str:
    try:
        known = not url or (urlsplit(url).scheme in {"redis", "rediss", "unix"} and urlsplit(url).port != 0)
    except ValueError:
        known = False
    if not known:
        raise InvalidSetting("REDIS_URL must be a Redis URL such as redis://host:6379/0.")
    return url


def _engine_url(url: str) -> str:
    if not re.fullmatch(r"https?://([^\s/?#@:]+:[^\s/?#@]*@)?[^\s/?#@]+(/[^\s?#]*)?", url):
        raise InvalidSetting(
            "ELASTICSEARCH_URL must be one address or several with commas between, such as https://user:password@host:9200."
        )
    return url.rstrip("/")


def _alias(name: str) -> str:
    # As both products want names of indexes, with room for a number behind.
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,99}", name):
        raise InvalidSetting("ELASTICSEARCH_INDEX must be a name of small letters, digits, -, _ and dots.")
    return name


def _file(name: str, path: str) -> str:
    if path and not Path(path).is_file():
        raise InvalidSetting(f"{name} must be the path of a file; there is none at {path}.")
    return path


def _http_url(name: str, url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url):
        raise InvalidSetting(f"{name} must be an address such as https://example.org/v1, without query or password.")
    return url.rstrip("/")


def _key(name: str, key: str) -> str:
    # What cannot be sent in a header would be told of in an error of the client, with the key in it.
    if not re.fullmatch(r"[!-~]*", key):
        raise InvalidSetting(f"{name} must be a key of visible ASCII characters.")
    return key


def _model(name: str, model: str) -> str:
    if not model:
        raise InvalidSetting(f"{name} must be the name of a model; without a key the provider is not asked.")
    return model


def _providers(names: list[str]) -> list[str]:
    if len(set(names)) < len(names) or not set(names) <= {"groq", "claude"}:
        raise InvalidSetting(f"AI_PROVIDERS must hold groq and claude, each at most once, not {','.join(names)!r}.")
    return names


def _traces_exporter(read: Reader) -> str:
    """Say where traces go, by the variables that OpenTelemetry has defined; its SDK reads all others itself."""
    endpoint = read.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or read.text("OTEL_EXPORTER_OTLP_ENDPOINT")
    exporter = read.choice("OTEL_TRACES_EXPORTER", "otlp" if endpoint else "none", ("otlp", "console", "none"))
    if exporter == "none" or read.flag("OTEL_SDK_DISABLED", False):
        return ""
    general = read.text("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    if exporter == "otlp" and read.text("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general) != "http/protobuf":
        raise InvalidSetting("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf; collectors take it on port 4318.")
    return exporter


def _crash_point(read: Reader) -> str:
    point = read.text("EKIDEN_CRASH_POINT")
    if not re.fullmatch(r"([a-z_]+(:[1-9][0-9]{0,5})?)?", point):
        raise InvalidSetting(f"EKIDEN_CRASH_POINT must be such as after_claim_commit or mid_prune:2, not {point!r}.")
    return point


def _role(read: Reader) -> str:
    role = read.text("DATABASE_ROLE")
    if not re.fullmatch(r"[a-z_][a-z0-9_]*|", role):
        raise InvalidSetting(f"DATABASE_ROLE must be the name of a role such as ekiden_app, not {role!r}.")
    return role


def _role_passwords(read: Reader) -> dict[str, str]:
    found = {
        "ekiden_app": read.text("APP_DB_PASSWORD"),
        "ekiden_worker": read.text("WORKER_DB_PASSWORD"),
        "ekiden_readonly": read.text("READONLY_DB_PASSWORD"),
        "ekiden_backup": read.text("BACKUP_DB_PASSWORD"),
        "ekiden_admin": read.text("ADMIN_DB_PASSWORD"),
    }
    return {role: password for role, password in found.items() if password}


def _origins(read: Reader) -> list[str]:
    origins = read.words("CSRF_TRUSTED_ORIGINS", [])
    for origin in origins:
        if not origin.startswith(("http://", "https://")):
            raise InvalidSetting(
                f"CSRF_TRUSTED_ORIGINS must hold addresses such as https://example.org, not {origin!r}."
            )
    return origins


def _secret_key(read: Reader, var_dir: Path, *, private: bool) -> str:
    """Only an installation that owns its database may invent a key: several hosts on one need the same."""
    key = read.text("SECRET_KEY")
    if key or not private:
        if len(key) < 50:
            raise InvalidSetting("SECRET_KEY must be at least 50 random characters, the same on every host.")
        return key
    return _kept_secret(var_dir / "secret_key")


def _kept_secret(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(secrets.token_urlsafe(64))
        except FileExistsError:
            pass
        return path.read_text().strip()
    except OSError as exc:
        raise InvalidSetting(f"EKIDEN_VAR_DIR must be a writable directory: {exc}.") from exc

"""The queue's one door to Django's settings: typed, lazy, with defaults. Durations are seconds."""

from decimal import Decimal
from typing import Any, Final

from django.conf import settings

DEFAULT_QUEUE: Final = "default"


def max_retries() -> int:
    return int(getattr(settings, "JOB_QUEUE_MAX_RETRIES", 3))


def batch_size() -> int:
    return int(getattr(settings, "JOB_QUEUE_BATCH_SIZE", 100))


def worker_count() -> int:
    """Handlers that run at the same time in one worker process."""
    return int(getattr(settings, "JOB_QUEUE_WORKER_COUNT", 5))


def poll_interval() -> float:
    return float(getattr(settings, "JOB_QUEUE_POLL_INTERVAL", 5.0))


def lock_duration() -> float:
    return float(getattr(settings, "JOB_QUEUE_LOCK_DURATION", 300.0))


def heartbeat_interval() -> float:
    return float(getattr(settings, "JOB_QUEUE_HEARTBEAT_INTERVAL", 10.0))


def grace() -> float:
    return float(getattr(settings, "JOB_QUEUE_GRACE", 30.0))


def retention_days(kind: str) -> int:
    """Days that jobs are kept that ended so (completed, failed, cancelled) or are deleted; 0 keeps them for ever."""
    usual = getattr(settings, "JOB_QUEUE_RETENTION_DAYS", 30)
    own = getattr(settings, f"JOB_QUEUE_RETENTION_{kind.upper()}_DAYS", None)
    return int(usual if own is None else own)


def payload_max_bytes() -> int:
    return int(getattr(settings, "JOB_QUEUE_PAYLOAD_MAX_BYTES", 262_144))


def result_max_bytes() -> int:
    return int(getattr(settings, "JOB_QUEUE_RESULT_MAX_BYTES", 1_048_576))


def log_lines() -> int:
    """The last log lines that are kept of each attempt of a job; 0 keeps none."""
    return int(getattr(settings, "JOB_QUEUE_LOG_LINES", 200))


def search_urls() -> list[str]:
    """The hosts of the search engine; none: PostgreSQL searches alone."""
    return list(getattr(settings, "ELASTICSEARCH_URLS", []))


def search_api_key() -> str:
    return str(getattr(settings, "ELASTICSEARCH_API_KEY", ""))


def search_ca_certs() -> str:
    return str(getattr(settings, "ELASTICSEARCH_CA_CERTS", ""))


def search_alias() -> str:
    """The alias that searches go to; its indexes are called so with a number behind."""
    return str(getattr(settings, "ELASTICSEARCH_INDEX", "ekiden-jobs"))


def search_timeout() -> float:
    """How long the engine may take for a search."""
    return float(getattr(settings, "ELASTICSEARCH_TIMEOUT", 2.0))


def crash_point() -> str:
    """Where this process is to kill itself, only ever in tests; see crash_points."""
    return str(getattr(settings, "CRASH_POINT", ""))


def metrics_public() -> bool:
    """Whether anybody may read /metrics; else staff with a key, and whoever is on the same machine."""
    return bool(getattr(settings, "METRICS_PUBLIC", False))


def session_ttl() -> int:
    """Seconds that a session lives when nobody says how long."""
    return int(getattr(settings, "SESSION_TTL", 3600))


def session_max_ttl() -> int:
    """Seconds that a session may live from the moment it is made or extended."""
    return int(getattr(settings, "SESSION_MAX_TTL", 86_400))


def session_retention_days() -> int:
    """Days that closed and expired sessions are kept after their end; 0 keeps them for ever."""
    return int(getattr(settings, "SESSION_RETENTION_DAYS", 30))


def speech_base_url() -> str:
    """Where a server speaks scripts, up to the part before /audio/speech; empty is nowhere."""
    return str(getattr(settings, "SPEECH_BASE_URL", ""))


def speech_api_key() -> str:
    return str(getattr(settings, "SPEECH_API_KEY", ""))


def speech_model() -> str:
    return str(getattr(settings, "SPEECH_MODEL", "tts-1"))


def speech_voice() -> str:
    """The voice that the server speaks with unless a job says otherwise."""
    return str(getattr(settings, "SPEECH_VOICE", "alloy"))


def speech_format() -> str:
    """What the server is asked for: mp3 or wav."""
    return str(getattr(settings, "SPEECH_FORMAT", "mp3"))


def speech_timeout() -> float:
    """Seconds that one request to the server may take, to its last byte."""
    return float(getattr(settings, "SPEECH_TIMEOUT", 120.0))


def speech_price() -> Decimal:
    """US dollars that the server charges for a million characters."""
    return Decimal(getattr(settings, "SPEECH_PRICE", 15))


def ai_providers() -> list[str]:
    """Who is asked for summaries, in this order."""
    return list(getattr(settings, "AI_PROVIDERS", ["groq", "claude"]))


def ai_request_timeout() -> float:
    return float(getattr(settings, "AI_REQUEST_TIMEOUT", 30.0))


def ai_max_concurrent_requests() -> int:
    """Requests to providers at the same time, of all processes together."""
    return int(getattr(settings, "AI_MAX_CONCURRENT_REQUESTS", 10))


def ai_fallback_enabled() -> bool:
    return bool(getattr(settings, "AI_FALLBACK_ENABLED", True))


def ai_daily_spend_limit() -> Decimal:
    """US dollars that one user's jobs may spend in a day; 0 is no limit."""
    return Decimal(getattr(settings, "AI_DAILY_SPEND_LIMIT", 1))


def ai_call_retention_days() -> int:
    return int(getattr(settings, "AI_CALL_RETENTION_DAYS", 90))


def article_deleted_retention_days() -> int:
    """Days for which a deleted article is still there for operators; 0 is for ever."""
    return int(getattr(settings, "ARTICLE_DELETED_RETENTION_DAYS", 30))


def webhook_timeout() -> float:
    """Seconds that one attempt to deliver a webhook may take, from the look-up of the name to the answer."""
    return float(getattr(settings, "WEBHOOK_TIMEOUT", 20.0))


def webhook_private_hosts() -> frozenset[str]:
    """Hosts of our own networks that webhooks may be sent to, by the name that stands in the URL."""
    return frozenset(str(host).lower() for host in getattr(settings, "WEBHOOK_PRIVATE_HOSTS", []))


def bulk_operation_retention_days() -> int:
    """Days for which bulk operations are kept after their end; 0 is for ever."""
    return int(getattr(settings, "BULK_OPERATION_RETENTION_DAYS", 90))


def webhook_retention_days() -> int:
    """Days that deliveries of webhooks are kept; 0 is for ever."""
    return int(getattr(settings, "WEBHOOK_RETENTION_DAYS", 30))


def of_provider(prefix: str, name: str) -> Any:
    """Read a setting of one provider, such as GROQ_API_KEY; None where there is none."""
    return getattr(settings, f"{prefix}_{name}", None)

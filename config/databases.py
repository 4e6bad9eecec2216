"""Django's DATABASES entry, for a given server or for the embedded one."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.embedded import Location
from config.env import Settings
from config.exceptions import InvalidSetting

#: A dead network is noticed within about half a minute, even while a query waits for its answer.
NETWORK = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def default(env: Settings) -> dict[str, Any]:
    """Describe the database of this process; only a web process pools its connections."""
    parts = _parts(env)
    pooled = env.process == "web"
    entry = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "") or "ekiden",
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        # A pool keeps connections itself and wants Django to hand them back after every request.
        "CONN_MAX_AGE": 0 if pooled else None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**NETWORK, "application_name": f"ekiden-{env.process}", **parts},
    }
    if env.test_db_name:
        entry["TEST"] = {"NAME": env.test_db_name}
    if pooled:
        entry["OPTIONS"]["pool"] = {"min_size": 1, "max_size": env.database_pool_size, "timeout": 10}
    return entry


def _parts(env: Settings) -> dict[str, Any]:
    if not env.database_url:
        return dict(Location.below(env.var_dir).connection)
    try:
        return dict(conninfo_to_dict(env.database_url))
    except psycopg.ProgrammingError as exc:
        raise InvalidSetting(f"DATABASE_URL cannot be read: {str(exc).strip()}.") from exc

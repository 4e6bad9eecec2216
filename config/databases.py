"""Django's DATABASES, for a given server or for the embedded one, and a second one for the logs where it is set."""

from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS
from psycopg.conninfo import conninfo_to_dict

from config.embedded import Location
from config.env import Settings
from config.exceptions import InvalidSetting
from config.routers import LOGS

#: A dead network is noticed within about half a minute, even while a query waits for its answer.
NETWORK = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


#: What the settings of a kind of process begin with: they name the database with a role of its own.
PREFIXES = {"web": "APP_", "worker": "WORKER_"}


def configured(env: Settings) -> dict[str, dict[str, Any]]:
    """Describe the databases of this process: `default`, and `logs` if the logs have one of their own."""
    databases = {DEFAULT_DB_ALIAS: _entry(env, _main(env), env.test_db_name)}
    name, url = _url(env, "LOGS_DATABASE_URL")
    if url:
        test_name = f"{env.test_db_name}_logs" if env.test_db_name else ""
        databases[LOGS] = _entry(env, _in_role(env, parts(name, url)), test_name)
        _refuse_same(databases[DEFAULT_DB_ALIAS], databases[LOGS])
    return databases


def parts(name: str, url: str) -> dict[str, Any]:
    """Take a database's URL, the value of the setting `name`, apart."""
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError as exc:
        raise InvalidSetting(f"{name} cannot be read: {str(exc).strip()}.") from exc


def _main(env: Settings) -> dict[str, Any]:
    name, url = _url(env, "DATABASE_URL")
    if url:
        return _in_role(env, parts(name, url))
    embedded = dict(Location.below(env.var_dir).connection)
    # Whoever reaches its socket may log in as anybody.
    return {**embedded, "user": env.database_role or embedded["user"]}


def _url(env: Settings, name: str) -> tuple[str, str]:
    """Find the URL that is for this kind of process, or else for all; give its setting's name too."""
    own = f"{PREFIXES[env.process]}{name}" if env.process in PREFIXES else name
    found = next((each for each in (own, name) if getattr(env, each.lower())), name)
    return found, getattr(env, found.lower())


def _in_role(env: Settings, parts: dict[str, Any]) -> dict[str, Any]:
    # Given at the start of a connection and not with SET ROLE: nothing that a pool may do on it undoes that.
    if env.database_role:
        parts["options"] = f"{parts.get('options') or ''} -c role={env.database_role}".strip()
    return parts


def _entry(env: Settings, parts: dict[str, Any], test_name: str) -> dict[str, Any]:
    """Describe one database; only a web process pools its connections."""
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
    if test_name:
        entry["TEST"] = {"NAME": test_name}
    if pooled:
        entry["OPTIONS"]["pool"] = {"min_size": 1, "max_size": env.database_pool_size, "timeout": 10}
    return entry


def _refuse_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """One database under two names would be migrated for neither: what is recorded as done is done once."""
    if all(one[key] == other[key] for key in ("NAME", "HOST", "PORT")):
        raise InvalidSetting("LOGS_DATABASE_URL must name another database than DATABASE_URL, or be left out.")

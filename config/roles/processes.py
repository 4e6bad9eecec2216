"""Which role each process that `manage.py up` starts works as."""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from config.env import Settings
from config.exceptions import RolesNotMade
from config.roles.declared import APP, WORKER
from config.roles.setting_up import set_up

ROLES: Final = {"web": APP, "worker": WORKER}


def assign(env: Settings) -> tuple[Mapping[str, str], str]:
    """Set the roles up; give each process's role, and a sentence about those that must go without.

    A process that has a URL of its own has its role from there.
    """
    own_url = {"web": env.app_database_url, "worker": env.worker_database_url}
    needed = {process: role for process, role in ROLES.items() if not own_url[process]}
    try:
        set_up(env.role_passwords, trusted=not env.database_url)
        for role in needed.values():
            _try(role, by_login=not env.database_url)
    except (RolesNotMade, DatabaseError, psycopg.Error) as exc:
        why = str(exc).strip().partition("\n")[0].rstrip(".")
        who = "web and worker run" if len(needed) > 1 else f"{next(iter(needed), 'nobody')} runs"
        return {}, (
            f"{who} as the owner of the database, whose row-level security does not bind them ({why}). "
            "Run manage.py setup_roles as a role that may create roles; see docs/security.md."
        )
    return needed, ""


def _try(role: str, *, by_login: bool) -> None:
    """Find out whether a process could work as the role: a pooler may refuse it, or the owner not be its member."""
    known = ("user", "password", "host", "port", "dbname", "connect_timeout", "options")
    given = connections[DEFAULT_DB_ALIAS].get_connection_params()
    parameters: dict[str, Any] = {name: given[name] for name in known if given.get(name)}
    if by_login:
        parameters["user"] = role
    else:
        parameters["options"] = f"{parameters.get('options', '')} -c role={role}".strip()
    psycopg.connect(**parameters).close()

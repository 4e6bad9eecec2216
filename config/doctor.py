"""What `manage.py doctor` asks of the schema and the roles of each database."""

from collections.abc import Iterator
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import gettext_lazy as _

from accounts.models import SchemaVersion
from config import schema_version
from config.roles import rights
from config.roles.declared import ROLES, SCHEMAS
from jobs.doctor.asking import rows
from jobs.doctor.checks import check
from jobs.doctor.findings import Finding, critical, ok, unknown, warn
from jobs.doctor.tables import Table, table

# Policies bind nobody while the table's own switch is off; the owner only with the second one.
_UNSECURED: Final = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
  AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) ORDER BY 1
"""
_THERE: Final = "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)"
_OWNER: Final = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('public.job_queue')"


def register() -> None:
    check("schema", "config.doctor.look_at_schema")
    check("roles", "config.doctor.look_at_roles")
    table(
        Table(
            "migrations",
            _("Migrations"),
            (
                (_("App"), "text"),
                (_("Newest"), "text"),
                (_("Applied"), "moment"),
                (_("In all"), "number"),
                (_("Still to run"), "number"),
            ),
            "config.doctor.applied_migrations",
        )
    )


def look_at_schema() -> Iterator[Finding]:
    """Look for migrations of this release that a database lacks."""
    if pending := schema_version.pending():
        names = ", ".join(pending[:3]) + (" …" if len(pending) > 3 else "")
        yield critical(f"{len(pending)} migrations of this release have not run: {names}.", "manage.py migrate")
    else:
        yield ok("The schema is this release's.")


def look_at_roles() -> Iterator[Finding]:
    """Look for tables that row-level security does not bind, and for rights that roles lack."""
    unsecured = [name for (name,) in rows(_UNSECURED, [list(SCHEMAS)])]
    for name in unsecured:
        advice = f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        yield critical(f"Row-level security is switched off for {name}: users see each other's rows.", advice)
    there = {name for (name,) in rows(_THERE, [[role.name for role in ROLES]])}
    if len(there) < len(ROLES):
        names = ", ".join(role.name for role in ROLES if role.name not in there)
        yield warn(f"Roles are missing: {names}; web and workers run as the owner.", "manage.py setup_roles")
    else:
        yield from _rights(bool(unsecured))


def _rights(said: bool) -> Iterator[Finding]:
    owner = rows(_OWNER)
    if not owner:
        yield unknown("There are no tables yet.", "manage.py migrate")
        return
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        missing = list(rights.missing(cursor, owner[0][0]))
    if missing:
        what = (
            f"{len(missing)} rights of roles are not as this release declares them, such as {missing[0].rstrip(';')}."
        )
        yield warn(what, "manage.py setup_roles")
    elif not said:
        yield ok(f"All {len(ROLES)} roles have the rights that this release declares.")


def applied_migrations() -> list[tuple[Any, ...]]:
    """Give the newest migrations of each app, how many there are, and how many lack."""
    lacking = [name.partition(".")[0] for name in schema_version.pending()]
    found = []
    for app in schema_version.OUR_APPS:
        mine = SchemaVersion.objects.filter(version__startswith=f"{app}.")
        newest = mine.order_by("-version").first()
        found.append(
            (app, newest.version.partition(".")[2] if newest else "", newest.applied_at if newest else None,
             mine.count(), lacking.count(app))
        )  # fmt: skip
    return found

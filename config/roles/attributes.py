"""What is missing of the roles themselves: their existence, attributes, passwords and settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from config.exceptions import RolesNotMade
from config.roles.declared import ADMIN, APP, OPERATOR, ROLES, WORKER, DatabaseRole

ATTRIBUTES: Final = {
    "LOGIN": "rolcanlogin",
    "INHERIT": "rolinherit",
    "BYPASSRLS": "rolbypassrls",
    "CREATEROLE": "rolcreaterole",
    "CREATEDB": "rolcreatedb",
    "SUPERUSER": "rolsuper",
}
FOUND: Final = f"SELECT {', '.join(ATTRIBUTES.values())} FROM pg_roles WHERE rolname = %s"  # noqa: S608 - names are ours
SETTINGS: Final = """
SELECT s.setconfig FROM pg_db_role_setting s
JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase
WHERE r.rolname = %s AND d.datname = current_database()
"""


@dataclass(slots=True)
class Report:
    """What was done, and what could not be."""

    statements: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sets the roles up, and what they may give."""

    name: str
    superuser: bool
    attributes: frozenset[str]
    version: int

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper, cursor: Any) -> "Caller":
        cursor.execute("SELECT current_user::text")
        (name,) = cursor.fetchone()
        found = _attributes(cursor, name)
        assert found is not None
        version = connection.pg_version  # type: ignore[attr-defined]
        return cls(name, "SUPERUSER" in found, frozenset(found), version)

    def may_give(self, attribute: str) -> bool:
        """Tell whether the caller may give a role the attribute; before PostgreSQL 16 one need not have it oneself."""
        if self.superuser or attribute in ("LOGIN", "INHERIT"):
            return True
        return attribute in self.attributes if self.version >= 160_000 else attribute != "BYPASSRLS"


def missing(
    cursor: Any, caller: Caller, owner: str, passwords: Mapping[str, str], trusted: bool, report: Report
) -> Iterator[str]:
    """Give the statements that make the roles as they are declared.

    `trusted` says that the server lets in whoever reaches it, so that no role needs a password.
    """
    for role in ROLES:
        yield from _role(cursor, caller, role, passwords, trusted, report)
    yield from _memberships(cursor, caller, owner)


def settings(cursor: Any, database: str) -> Iterator[str]:
    """Give the statements that set what each role's sessions in this database begin with."""
    for role in ROLES:
        cursor.execute(SETTINGS, [role.name])
        row = cursor.fetchone()
        there = dict(each.split("=", 1) for each in (row[0] if row else ()))
        for name, value in role.settings.items():
            if there.get(name) != value:
                words = value if name == "search_path" else f"'{value}'"
                yield f"ALTER ROLE {role.name} IN DATABASE {database} SET {name} = {words}"


def _attributes(cursor: Any, name: str) -> set[str] | None:
    cursor.execute(FOUND, [name])
    row = cursor.fetchone()
    return {attribute for attribute, held in zip(ATTRIBUTES, row, strict=True) if held} if row else None


def _role(
    cursor: Any, caller: Caller, role: DatabaseRole, passwords: Mapping[str, str], trusted: bool, report: Report
) -> Iterator[str]:
    found = _attributes(cursor, role.name)
    if found is None:
        if not (caller.superuser or "CREATEROLE" in caller.attributes):
            raise RolesNotMade(
                f"There is no role {role.name}, and {caller.name} may not create it: it lacks CREATEROLE."
            )
        yield f"CREATE ROLE {role.name}"
        found = {"INHERIT"}
    if "SUPERUSER" in found:
        raise RolesNotMade(f"The role {role.name} is a superuser, to whom no rule applies: take that from it.")
    wanted = _wanted(role, passwords, trusted, report, found)
    if words := _words(caller, role, found, wanted, report):
        yield f"ALTER ROLE {role.name} {' '.join(words)}"


def _wanted(
    role: DatabaseRole, passwords: Mapping[str, str], trusted: bool, report: Report, found: set[str]
) -> set[str]:
    wanted = {"INHERIT"} if "NOINHERIT" not in role.attributes else set()
    wanted |= role.attributes - {"NOINHERIT"}
    if role.login and (trusted or role.name in passwords):
        wanted.add("LOGIN")
    elif role.login:
        # Somebody may have given it a password of their own.
        wanted |= found & {"LOGIN"}
        if "LOGIN" not in found:
            report.warnings.append(f"{role.name} cannot log in yet: {password_variable(role.name)} is not set.")
    return wanted


def password_variable(role: str) -> str:
    """Name the setting that holds the role's password."""
    return f"{role.removeprefix('ekiden_').upper()}_DB_PASSWORD"


def _words(caller: Caller, role: DatabaseRole, found: set[str], wanted: set[str], report: Report) -> list[str]:
    words = []
    for attribute in ATTRIBUTES:
        if attribute in wanted - found:
            if caller.may_give(attribute):
                words.append(attribute)
            else:
                report.warnings.append(
                    f"{role.name} lacks {attribute}, which {caller.name} may not give: "
                    f"as a superuser, run ALTER ROLE {role.name} {attribute}."
                )
        elif attribute in found - wanted and attribute != "SUPERUSER":
            words.append(f"NO{attribute}")
    return words


def _memberships(cursor: Any, caller: Caller, owner: str) -> Iterator[str]:
    """Let the app become the operator, and whoever owns the database become what its processes work as."""
    how = " WITH INHERIT FALSE, SET TRUE" if caller.version >= 160_000 else ""
    if not _may_become(cursor, caller, APP, OPERATOR) or _inherits(cursor, APP, OPERATOR):
        yield f"GRANT {OPERATOR} TO {APP}{how}"
    if not caller.superuser:
        for role in (APP, WORKER, OPERATOR):
            if not _may_become(cursor, caller, caller.name, role):
                yield f'GRANT {role} TO "{caller.name}"{how}'
    elif "SUPERUSER" not in (_attributes(cursor, owner) or ()) and not _inherits(cursor, ADMIN, owner):
        yield f'GRANT "{owner}" TO {ADMIN}'


def _may_become(cursor: Any, caller: Caller, member: str, role: str) -> bool:
    # Since PostgreSQL 16 those who create a role are members of it, and still may not become it.
    cursor.execute("SELECT pg_has_role(%s, %s, %s)", [member, role, "SET" if caller.version >= 160_000 else "MEMBER"])
    return bool(cursor.fetchone()[0])


def _inherits(cursor: Any, member: str, role: str) -> bool:
    cursor.execute("SELECT pg_has_role(%s, %s, 'USAGE')", [member, role])
    return bool(cursor.fetchone()[0])

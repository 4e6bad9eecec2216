"""What is missing of the roles' rights in one database, as statements; nothing when all is as declared."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from config.roles import declared
from config.roles.declared import ROLES, SCHEMAS

NAMES: Final = [role.name for role in ROLES]

#: Every table, view and sequence with what each of our roles holds on it: "ekiden_app SELECT".
RELATIONS: Final = """
SELECT format('%%I.%%I', n.nspname, c.relname), c.relkind::text, c.relispartition, c.relrowsecurity,
       ARRAY(SELECT r.rolname || ' ' || a.privilege_type
             FROM aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'S') ORDER BY 1
"""
FUNCTIONS: Final = """
SELECT format('%%I.%%I', n.nspname, p.proname), p.oid::regprocedure::text, p.proname,
       ARRAY(SELECT coalesce(r.rolname, 'PUBLIC') FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
             LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE a.privilege_type = 'EXECUTE')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname = ANY (%s) ORDER BY 1, 2
"""
SCHEMA_RIGHTS: Final = """
SELECT n.nspname,
       ARRAY(SELECT coalesce(r.rolname, 'PUBLIC') || ' ' || a.privilege_type
             FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
             LEFT JOIN pg_roles r ON r.oid = a.grantee)
FROM pg_namespace n WHERE n.nspname = ANY (%s) ORDER BY 1
"""
POLICIES: Final = "SELECT format('%I.%I', schemaname, tablename), policyname FROM pg_policies"
READABLE_COLUMNS: Final = """
SELECT a.attname, EXISTS (
    SELECT FROM aclexplode(a.attacl) g JOIN pg_roles r ON r.oid = g.grantee
    WHERE r.rolname = %s AND g.privilege_type = 'SELECT')
FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
DEFAULTS: Final = """
SELECT n.nspname FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
JOIN pg_roles r ON r.oid = a.grantee
WHERE d.defaclobjtype = 'r' AND r.rolname = %s AND d.defaclrole = %s::regrole
"""


def missing(cursor: Any, owner: str) -> Iterator[str]:
    """Give the statements that bring one database's rights in step with what is declared."""
    yield from _schemas(cursor)
    cursor.execute(RELATIONS, [list(SCHEMAS)])
    relations = cursor.fetchall()
    for name, kind, partition, _, held in relations:
        yield from _changes(name, kind, _wanted(name, kind, partition), held)
    yield from _columns(cursor)
    yield from _functions(cursor)
    yield from _defaults(cursor, owner)
    yield from _policies(cursor, [name for name, kind, partition, secured, _ in relations if secured and not partition])


def _schemas(cursor: Any) -> Iterator[str]:
    cursor.execute(SCHEMA_RIGHTS, [list(SCHEMAS)])
    for schema, held in cursor.fetchall():
        if "PUBLIC CREATE" in held:
            yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"
        lacking = [name for name in NAMES if f"{name} USAGE" not in held]
        if lacking:
            yield f"GRANT USAGE ON SCHEMA {schema} TO {', '.join(lacking)}"


def _wanted(name: str, kind: str, partition: bool) -> dict[str, frozenset[str]]:
    if partition:
        # Read directly it would show every row: the policies are the parent's. pg_dump reads nothing but them.
        return {declared.BACKUP: declared.READ}
    if kind == "S":
        users = (declared.APP, declared.OPERATOR, declared.WORKER)
        use, read = frozenset({"USAGE", "SELECT"}), declared.READ
        return {role: use if role in users else read for role in NAMES}
    if kind == "v":
        return dict(declared.ON_VIEWS)
    if kind == "m":
        return dict(declared.ON_MATERIALIZED_VIEWS)
    usual = declared.ON_ANALYTICS if name.startswith("analytics.") else declared.USUAL
    return {**usual, **declared.UNUSUAL.get(name, {})}


def _changes(name: str, kind: str, wanted: dict[str, frozenset[str]], held: list[str]) -> Iterator[str]:
    what = f"{'SEQUENCE ' if kind == 'S' else ''}{name}"
    given: dict[frozenset[str], list[str]] = defaultdict(list)
    for role in NAMES:
        want = wanted.get(role, declared.NOTHING)
        have = frozenset(each.split()[1] for each in held if each.startswith(f"{role} "))
        if have - want:
            yield f"REVOKE {_list(have - want)} ON {what} FROM {role}"
        if want - have:
            given[want - have].append(role)
    for privileges, roles in given.items():
        yield f"GRANT {_list(privileges)} ON {what} TO {', '.join(roles)}"


def _list(privileges: Iterable[str]) -> str:
    return ", ".join(sorted(privileges))


def _columns(cursor: Any) -> Iterator[str]:
    for table, secrets in declared.SECRETS.items():
        cursor.execute(READABLE_COLUMNS, [declared.READONLY, table])
        lacking = [column for column, readable in cursor.fetchall() if not readable and column not in secrets]
        if lacking:
            yield f"GRANT SELECT ({', '.join(lacking)}) ON {table} TO {declared.READONLY}"


def _functions(cursor: Any) -> Iterator[str]:
    cursor.execute(FUNCTIONS, [list(SCHEMAS)])
    for _, signature, name, held in cursor.fetchall():
        if "PUBLIC" in held:
            yield f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC"
        wanted = declared.DEFINERS.get(name, declared.DEFINERS_ELSE)
        if lacking := [role for role in wanted if role not in held]:
            yield f"GRANT EXECUTE ON FUNCTION {signature} TO {', '.join(lacking)}"


def _defaults(cursor: Any, owner: str) -> Iterator[str]:
    """Let backups read what is made after this; for all others a table waits for the next run of the command."""
    cursor.execute(DEFAULTS, [declared.BACKUP, owner])
    there = {schema for (schema,) in cursor.fetchall()}
    for schema in SCHEMAS:
        if schema not in there:
            change = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
            yield f"{change} GRANT SELECT ON TABLES TO {declared.BACKUP}"


def _policies(cursor: Any, tables: list[str]) -> Iterator[str]:
    cursor.execute(POLICIES)
    there = set(cursor.fetchall())
    for table in tables:
        for name, rule in declared.OTHER_POLICIES.get(table, declared.POLICIES).items():
            if (table, name) not in there:
                yield f"CREATE POLICY {name} ON {table} {rule}"

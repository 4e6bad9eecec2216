-- The roles that policies and grants of this database name: they have to be there before it can be restored.
SELECT DISTINCT r.rolname
FROM pg_shdepend d
JOIN pg_roles r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_authid'::regclass
  AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND d.deptype IN ('a', 'r')
ORDER BY 1

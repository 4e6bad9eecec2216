-- For how many connections there is room for the workers of one supervisor, those that they have among them: what
-- PostgreSQL allows the server, the database and the role that logs in, less what others have. Other workers may want
-- more than they have opened up to now: so many threads, and so many connections for each process. What belongs to
-- others shows no more than its database, role and name, and that is enough.
WITH bounds AS (
    SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
           -- Since PostgreSQL 16.
           - coalesce(current_setting('reserved_connections', true)::integer, 0) AS server,
           CASE WHEN NOT r.rolsuper AND d.datconnlimit >= 0 THEN d.datconnlimit END AS database,
           CASE WHEN NOT r.rolsuper AND r.rolconnlimit >= 0 THEN r.rolconnlimit END AS role
    FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = session_user
), others AS (
    SELECT count(*) AS server, count(*) FILTER (WHERE datname = current_database()) AS database,
           count(*) FILTER (WHERE usename = session_user) AS role,
           count(*) FILTER (WHERE datname = current_database() AND starts_with(application_name, 'ekiden-worker'))
               AS workers
    FROM pg_stat_activity
    WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
      AND application_name <> %(name)s
), promised AS (
    SELECT coalesce(sum(concurrency + %(fixed)s), 0) AS connections FROM job_workers
    WHERE heartbeat_at > clock_timestamp() - make_interval(secs => %(silence)s) AND stopped_at IS NULL
      AND supervisor <> %(supervisor)s
)
SELECT (least(b.server - o.server, b.database - o.database, b.role - o.role)
        - greatest(0, p.connections - o.workers))::integer
FROM bounds b, others o, promised p

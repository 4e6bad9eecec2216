-- The partitions of the logs as the catalogue has them, not as their names say: UTC bounds, oldest first. Bounds that
-- are no moments (MINVALUE, written by hand) are NULL, and no rule here touches such a partition.
CREATE OR REPLACE FUNCTION public.log_partitions()
RETURNS TABLE (parent text, name text, starts timestamptz, ends timestamptz, detaching boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT p.relname::text, c.relname::text, bounds.found[1]::timestamptz, bounds.found[2]::timestamptz,
           i.inhdetachpending
    FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN LATERAL regexp_match(
        pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.+)''\) TO \(''(.+)''\)'
    ) AS bounds (found) ON true
    WHERE p.relnamespace = 'public'::regnamespace AND p.relname IN ('request_logs', 'error_logs')
    ORDER BY 3 NULLS FIRST, 1 DESC
$$

-- The partitions that hold nothing younger than so many whole calendar months before the current one: with 3, in
-- November, those that end by the first of August. The current month's are never among them. Errors come before the
-- requests that they belong to.
CREATE OR REPLACE FUNCTION public.old_log_partitions(retention_months integer)
RETURNS TABLE (parent text, name text, starts timestamptz, ends timestamptz, detaching boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
    IF retention_months IS NULL OR retention_months NOT BETWEEN 0 AND 1200 THEN
        RAISE EXCEPTION 'Logs are kept for 0 to 1200 months, not %.', retention_months
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    SELECT p.* FROM public.log_partitions() p
    WHERE p.ends <= date_trunc('month', now()) - make_interval(months => retention_months)
    ORDER BY p.ends, p.starts, p.parent;
END
$$

-- Deletes the figures of hours that are older than so many days, a batch at a time; their days stay. Gives how many rows
-- of requests.
CREATE FUNCTION analytics.prune_hours(retention_days integer, p_limit integer DEFAULT 10000) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_before CONSTANT timestamptz := date_trunc('day', now() - make_interval(days => retention_days), 'UTC');
    v_deleted integer;
BEGIN
    DELETE FROM analytics.usage_hours WHERE id = ANY (ARRAY(
        SELECT id FROM analytics.usage_hours WHERE hour < v_before ORDER BY hour LIMIT p_limit
    ));
    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    -- Errors after the requests of their hour, or a day might be made anew from requests without their errors.
    DELETE FROM analytics.error_hours
    WHERE hour < least(v_before, (SELECT min(hour) FROM analytics.usage_hours));
    RETURN v_deleted;
END
$$

-- Deletes runtime_metrics, cache_metrics, error_days and cache_readings that are older than so many days; gives how many
-- rows.
CREATE FUNCTION analytics.cleanup_old_metrics(retention_days integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_before CONSTANT timestamptz := date_trunc('day', now(), 'UTC') - make_interval(days => retention_days);
    v_rows bigint;
    v_deleted bigint;
BEGIN
    DELETE FROM analytics.runtime_metrics WHERE timestamp < v_before;
    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    DELETE FROM analytics.cache_metrics WHERE timestamp < v_before;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_deleted := v_deleted + v_rows;
    DELETE FROM analytics.error_days WHERE day < v_before;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    v_deleted := v_deleted + v_rows;
    DELETE FROM analytics.cache_readings WHERE taken_at < v_before;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_deleted + v_rows;
END
$$

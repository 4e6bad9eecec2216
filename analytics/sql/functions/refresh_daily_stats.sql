-- Brings the materialised view up to date while others read it. With the rights of its owner: nobody else may, and the
-- workers, who own nothing, call it.
CREATE FUNCTION analytics.refresh_daily_stats() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY analytics.daily_stats_mv;
END
$$

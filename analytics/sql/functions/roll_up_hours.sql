-- Rolls up hours that late_hours names, at most so many: those of one day, the oldest. Gives how many; 0 means that
-- nothing is left to do. Call it in a transaction of its own until then.
CREATE FUNCTION analytics.roll_up_hours(p_limit integer DEFAULT 24) RETURNS integer
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT analytics.roll_up_day(min(hour), p_limit) FROM analytics.late_hours HAVING count(*) > 0), 0)
$$

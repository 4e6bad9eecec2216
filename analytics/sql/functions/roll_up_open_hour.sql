-- Rolls up the hour that is not over yet, and its day, so that answers are of today; closed hours go first, and nothing
-- happens while one of them waits. Gives the moment that answers reach to now.
CREATE FUNCTION analytics.roll_up_open_hour(p_now timestamptz DEFAULT clock_timestamp()) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_through timestamptz;
BEGIN
    SELECT data_through INTO v_through FROM analytics.rollup_state;
    IF NOT FOUND OR EXISTS (
        SELECT FROM analytics.late_hours WHERE hour >= date_trunc('hour', v_through, 'UTC') AND hour < p_now
    ) THEN
        RETURN v_through;
    END IF;
    PERFORM analytics.roll_up_hour(p_now);
    PERFORM analytics.roll_up_day(p_now);
    UPDATE analytics.rollup_state SET data_through = greatest(data_through, p_now) RETURNING data_through INTO v_through;
    RETURN v_through;
END
$$

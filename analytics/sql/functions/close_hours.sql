-- Closes the hours that are over: from now on whoever writes into one of them names it in late_hours. Gives how many.
-- The update waits for those who are writing, who hold the row FOR SHARE until they commit, so what is read afterwards
-- holds all that did not name its hour. The hours themselves are named here, in the same transaction: a crash before
-- their roll-up loses nothing, and the row is locked for no longer than this takes.
CREATE FUNCTION analytics.close_hours(p_until timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_until CONSTANT timestamptz := date_trunc('hour', p_until, 'UTC');
    v_closed timestamptz;
    v_hours integer;
BEGIN
    SELECT closed_until INTO v_closed FROM analytics.rollup_state FOR UPDATE;
    IF NOT FOUND THEN
        -- The first time, or somebody emptied the table: from the oldest request on, or from now.
        SELECT date_trunc('hour', coalesce(min(timestamp), v_until), 'UTC') INTO v_closed FROM public.request_logs;
        INSERT INTO analytics.rollup_state (id, closed_until, data_through) VALUES (1, v_closed, v_closed)
        ON CONFLICT (id) DO NOTHING;
        SELECT closed_until INTO v_closed FROM analytics.rollup_state FOR UPDATE;
    END IF;
    IF v_closed >= v_until THEN
        RETURN 0;
    END IF;
    UPDATE analytics.rollup_state SET closed_until = v_until;
    INSERT INTO analytics.late_hours AS l (hour, touched_at)
    SELECT hour, clock_timestamp() FROM generate_series(v_closed, v_until - interval '1 hour', interval '1 hour') AS hour
    ON CONFLICT (hour) DO UPDATE SET touched_at = clock_timestamp();
    GET DIAGNOSTICS v_hours = ROW_COUNT;
    RETURN v_hours;
END
$$

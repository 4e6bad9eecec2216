-- Makes the figures of one day (UTC) anew: of its hours those that late_hours names, oldest first and at most so many,
-- and from all its hours the day. Gives the number of hours done. All of it in one transaction, so that the day always
-- holds what its hours hold.
-- Of a day whose hours have been pruned all hours come from the log again; where the log is pruned as well, the day
-- stays as it is.
-- A late hour is marked with the time of the last write, and only the mark that was there before the log was read goes:
-- who writes meanwhile changes it. So nobody who writes the log waits for this.
CREATE FUNCTION analytics.roll_up_day(p_day timestamptz, p_hours integer DEFAULT 24) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_day CONSTANT timestamptz := date_trunc('day', p_day, 'UTC');
    v_end CONSTANT timestamptz := v_day + interval '1 day';
    v_hours timestamptz[];
    v_marks timestamptz[];
    v_hour timestamptz;
    v_kept bigint;
    v_hourly bigint;
    v_through timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('analytics.roll_up_day'), (extract(epoch FROM v_day) / 86400)::integer);
    SELECT array_agg(hour ORDER BY hour), array_agg(touched_at ORDER BY hour) INTO v_hours, v_marks
    FROM (
        SELECT hour, touched_at FROM analytics.late_hours WHERE hour >= v_day AND hour < v_end ORDER BY hour LIMIT p_hours
    ) AS late;

    SELECT requests INTO v_kept FROM analytics.usage_days WHERE user_id = '' AND language_title = '' AND day = v_day;
    SELECT coalesce(sum(requests), 0) INTO v_hourly FROM analytics.usage_hours
    WHERE user_id = '' AND language_title = '' AND hour >= v_day AND hour < v_end;
    IF v_kept > v_hourly THEN
        IF v_kept > (
            SELECT count(*) FROM public.request_logs
            WHERE id >= analytics.first_uuid7(v_day) AND id < analytics.first_uuid7(v_end)
              AND timestamp >= v_day AND timestamp < v_end
        ) THEN
            RAISE WARNING 'the log of % has gone: what came late is not counted', v_day;
            DELETE FROM analytics.late_hours WHERE hour = ANY (v_hours);
            RETURN coalesce(cardinality(v_hours), 0);
        END IF;
        PERFORM analytics.roll_up_hour(v_day + n * interval '1 hour') FROM generate_series(0, 23) AS n;
    ELSIF v_hours IS NOT NULL THEN
        FOREACH v_hour IN ARRAY v_hours LOOP
            PERFORM analytics.roll_up_hour(v_hour);
        END LOOP;
    END IF;

    PERFORM analytics.sum_up_day(v_day);
    IF v_hours IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM analytics.late_hours l USING unnest(v_hours, v_marks) AS done (hour, mark)
    WHERE l.hour = done.hour AND l.touched_at = done.mark;
    -- At the very end, for whoever writes the log waits for this row.
    SELECT coalesce(min(l.hour), v_hours[cardinality(v_hours)] + interval '1 hour') INTO v_through
    FROM analytics.late_hours l, analytics.rollup_state s
    WHERE l.hour >= date_trunc('hour', s.data_through, 'UTC');
    UPDATE analytics.rollup_state SET data_through = v_through WHERE data_through < v_through;
    RETURN cardinality(v_hours);
END
$$

-- Makes the figures of one day from those of its hours, and its metrics anew where they have been made.
-- Called by roll_up_day(), which holds the day's lock.
CREATE FUNCTION analytics.sum_up_day(p_day timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_end CONSTANT timestamptz := p_day + interval '1 day';
BEGIN
    DELETE FROM analytics.usage_days WHERE day = p_day;

    WITH sums AS (
        SELECT user_id, language_title, sum(requests) AS requests, sum(successes) AS successes, sum(errors) AS errors,
               sum(cached) AS cached, sum(duration_sum) AS duration_sum, min(duration_min) AS duration_min,
               max(duration_max) AS duration_max, sum(cached_duration_sum) AS cached_duration_sum,
               sum(memory_sum) AS memory_sum, sum(memory_count) AS memory_count,
               sum(cpu_sum) AS cpu_sum, sum(cpu_count) AS cpu_count
        FROM analytics.usage_hours
        WHERE hour >= p_day AND hour < v_end
        GROUP BY user_id, language_title
    ), cells AS (
        SELECT u.user_id, u.language_title, h.bucket, sum(h.count)::bigint AS count
        FROM analytics.usage_hours u, unnest(u.buckets, u.counts) AS h (bucket, count)
        WHERE u.hour >= p_day AND u.hour < v_end
        GROUP BY u.user_id, u.language_title, h.bucket
    ), histograms AS (
        SELECT user_id, language_title, array_agg(bucket ORDER BY bucket) AS buckets,
               array_agg(count ORDER BY bucket) AS counts
        FROM cells
        GROUP BY user_id, language_title
    ), users AS (
        SELECT language_title, count(*) AS users FROM sums WHERE user_id <> '' GROUP BY language_title
    )
    INSERT INTO analytics.usage_days (
        day, user_id, language_title, requests, successes, errors, cached, duration_sum, duration_min, duration_max,
        cached_duration_sum, memory_sum, memory_count, cpu_sum, cpu_count, buckets, counts, unique_users
    )
    SELECT p_day, s.user_id, s.language_title, s.requests, s.successes, s.errors, s.cached, s.duration_sum,
           s.duration_min, s.duration_max, s.cached_duration_sum, s.memory_sum, s.memory_count, s.cpu_sum, s.cpu_count,
           h.buckets, h.counts, CASE s.user_id WHEN '' THEN coalesce(u.users, 0) ELSE 1 END
    FROM sums s
    JOIN histograms h USING (user_id, language_title)
    LEFT JOIN users u ON u.language_title = s.language_title;

    DELETE FROM analytics.error_days WHERE day = p_day;

    WITH times AS (
        SELECT e.user_id, e.language_title, e.error_code, s.status, sum(s.times::bigint) AS times
        FROM analytics.error_hours e, jsonb_each_text(e.statuses) AS s (status, times)
        WHERE e.hour >= p_day AND e.hour < v_end
        GROUP BY e.user_id, e.language_title, e.error_code, s.status
    ), statuses AS (
        SELECT user_id, language_title, error_code, jsonb_object_agg(status, times) AS statuses
        FROM times
        GROUP BY user_id, language_title, error_code
    ), sums AS (
        SELECT user_id, language_title, error_code, sum(errors) AS errors,
               min(first_occurrence) AS first_occurrence, max(last_occurrence) AS last_occurrence,
               (array_agg(example ORDER BY last_occurrence DESC, example DESC))[1] AS example
        FROM analytics.error_hours
        WHERE hour >= p_day AND hour < v_end
        GROUP BY user_id, language_title, error_code
    )
    INSERT INTO analytics.error_days (
        day, user_id, language_title, error_code, errors, first_occurrence, last_occurrence, statuses, example
    )
    SELECT p_day, user_id, language_title, error_code, errors, first_occurrence, last_occurrence, statuses, example
    FROM sums
    JOIN statuses USING (user_id, language_title, error_code);

    IF EXISTS (SELECT FROM analytics.runtime_metrics WHERE timestamp = p_day) THEN
        PERFORM analytics.aggregate_daily_metrics((p_day AT TIME ZONE 'UTC')::date);
    END IF;
END
$$

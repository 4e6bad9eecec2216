-- Makes the figures of one hour anew from the log: of each function and user, of each function, of each user, and of
-- all; '' stands for all. Gives the number of requests. What the hour was before is replaced, so it may be called any
-- number of times, by several at once; only an hour of which the log has fewer requests by now, because its partition
-- went, stays as it is.
-- Errors are counted in the hour of their request: the status of a request can change as long as its errors can, and
-- both lie in one partition.
-- Rows are found by their ids, which begin with the time: the primary key has them side by side, however the rows lie in
-- the table and whether or not the index on time has heard of them yet. The timestamps name the partition.
CREATE FUNCTION analytics.roll_up_hour(p_hour timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_hour CONSTANT timestamptz := date_trunc('hour', p_hour, 'UTC');
    v_end CONSTANT timestamptz := v_hour + interval '1 hour';
    v_first CONSTANT uuid := analytics.first_uuid7(v_hour);
    v_after CONSTANT uuid := analytics.first_uuid7(v_end);
    v_before bigint;
    v_requests bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('analytics.roll_up_hour'), (extract(epoch FROM v_hour) / 3600)::integer);
    SELECT requests INTO v_before FROM analytics.usage_hours
    WHERE user_id = '' AND language_title = '' AND hour = v_hour;
    IF FOUND THEN
        SELECT count(*) INTO v_requests FROM public.request_logs
        WHERE id >= v_first AND id < v_after AND timestamp >= v_hour AND timestamp < v_end;
        IF v_requests < v_before THEN
            RETURN v_before;
        END IF;
        DELETE FROM analytics.usage_hours WHERE hour = v_hour;
    END IF;
    DELETE FROM analytics.error_hours WHERE hour = v_hour;

    WITH requests AS (
        SELECT user_id, language_title, analytics.duration_bucket(duration_ms) AS bucket,
               status_code, duration_ms, cached,
               CASE jsonb_typeof(runtime_metrics -> 'memory_usage_mb') WHEN 'number'
                   THEN (runtime_metrics ->> 'memory_usage_mb')::float8 END AS memory,
               CASE jsonb_typeof(runtime_metrics -> 'cpu_usage_percent') WHEN 'number'
                   THEN (runtime_metrics ->> 'cpu_usage_percent')::float8 END AS cpu
        FROM public.request_logs
        WHERE id >= v_first AND id < v_after AND timestamp >= v_hour AND timestamp < v_end
    ), parts AS MATERIALIZED (
        SELECT user_id, language_title, bucket, count(*) AS requests,
               count(*) FILTER (WHERE status_code BETWEEN 200 AND 299) AS successes,
               count(*) FILTER (WHERE status_code >= 400) AS errors,
               count(*) FILTER (WHERE cached) AS cached,
               sum(duration_ms) AS duration_sum, min(duration_ms) AS duration_min, max(duration_ms) AS duration_max,
               sum(duration_ms) FILTER (WHERE cached) AS cached_duration_sum,
               sum(memory) AS memory_sum, count(memory) AS memory_count, sum(cpu) AS cpu_sum, count(cpu) AS cpu_count
        FROM requests
        GROUP BY user_id, language_title, bucket
    ), cells AS (
        SELECT coalesce(user_id, '') AS user_id, coalesce(language_title, '') AS language_title, bucket,
               sum(requests)::bigint AS requests, sum(successes) AS successes, sum(errors) AS errors,
               sum(cached) AS cached, sum(duration_sum) AS duration_sum, min(duration_min) AS duration_min,
               max(duration_max) AS duration_max, sum(cached_duration_sum) AS cached_duration_sum,
               sum(memory_sum) AS memory_sum, sum(memory_count) AS memory_count,
               sum(cpu_sum) AS cpu_sum, sum(cpu_count) AS cpu_count
        FROM parts
        GROUP BY GROUPING SETS (
            (user_id, language_title, bucket), (user_id, bucket), (language_title, bucket), (bucket)
        )
        -- Requests of nobody, or of no function, are in the sums only.
        HAVING (grouping(user_id) = 1 OR user_id <> '') AND (grouping(language_title) = 1 OR language_title <> '')
    ), written AS (
        INSERT INTO analytics.usage_hours (
            hour, user_id, language_title, requests, successes, errors, cached, duration_sum, duration_min,
            duration_max, cached_duration_sum, memory_sum, memory_count, cpu_sum, cpu_count, buckets, counts
        )
        SELECT v_hour, user_id, language_title, sum(requests), sum(successes), sum(errors), sum(cached),
               sum(duration_sum), min(duration_min), max(duration_max), coalesce(sum(cached_duration_sum), 0),
               coalesce(sum(memory_sum), 0), sum(memory_count), coalesce(sum(cpu_sum), 0), sum(cpu_count),
               array_agg(bucket ORDER BY bucket), array_agg(requests ORDER BY bucket)
        FROM cells
        GROUP BY user_id, language_title
        RETURNING user_id, language_title, requests
    )
    SELECT coalesce(sum(requests), 0) INTO v_requests FROM written WHERE user_id = '' AND language_title = '';

    WITH errors AS (
        SELECT e.id, e.error_code, e.timestamp, r.id AS request, r.user_id, r.language_title, r.status_code
        FROM public.error_logs e
        JOIN public.request_logs r ON r.id = e.request_log_id AND r.timestamp = e.request_timestamp
        WHERE e.request_log_id >= v_first AND e.request_log_id < v_after
          AND e.request_timestamp >= v_hour AND e.request_timestamp < v_end
          AND r.timestamp >= v_hour AND r.timestamp < v_end
    ), statuses AS (
        SELECT coalesce(user_id, '') AS user_id, language_title, error_code, status_code, count(*) AS errors,
               min(timestamp) AS first_occurrence, max(timestamp) AS last_occurrence,
               (array_agg(request ORDER BY timestamp DESC, id DESC))[1] AS example
        FROM errors
        GROUP BY GROUPING SETS (
            (user_id, language_title, error_code, status_code), (language_title, error_code, status_code)
        )
        HAVING grouping(user_id) = 1 OR user_id <> ''
    )
    INSERT INTO analytics.error_hours (
        hour, user_id, language_title, error_code, errors, first_occurrence, last_occurrence, statuses, example
    )
    SELECT v_hour, user_id, language_title, error_code, sum(errors), min(first_occurrence), max(last_occurrence),
           jsonb_object_agg(status_code, errors),
           (array_agg(example ORDER BY last_occurrence DESC, example DESC))[1]
    FROM statuses
    GROUP BY user_id, language_title, error_code;
    RETURN v_requests;
END
$$

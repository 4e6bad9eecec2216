-- Fills runtime_metrics and cache_metrics with one day (UTC), yesterday if none is given, from its roll-up; gives the
-- number of functions. It may be called for any day any number of times: what was there is replaced.
-- Evictions and memory are those of the whole cache, from the day's readings: how much the counter rose, whatever it
-- stood at, for Redis begins anew at 0; and the average of what was occupied. Readings that have been cleaned up since
-- leave what was made of them.
CREATE FUNCTION analytics.aggregate_daily_metrics(
    target_date date DEFAULT (now() AT TIME ZONE 'UTC')::date - 1
) RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_day CONSTANT timestamptz := target_date::timestamp AT TIME ZONE 'UTC';
    v_functions integer;
    v_evictions bigint;
    v_memory double precision;
BEGIN
    SELECT sum(CASE WHEN before IS NULL THEN 0 WHEN evictions < before THEN evictions ELSE evictions - before END),
           avg(memory_usage_mb)
    INTO v_evictions, v_memory
    FROM (
        SELECT taken_at, evictions, memory_usage_mb, lag(evictions) OVER (ORDER BY taken_at) AS before
        FROM analytics.cache_readings
        WHERE taken_at >= v_day - interval '1 day' AND taken_at < v_day + interval '1 day'
    ) AS readings
    WHERE taken_at >= v_day;
    -- The column is an integer. CASE, because least() passes over NULL.
    v_evictions := CASE WHEN v_evictions > 2147483647 THEN 2147483647 ELSE v_evictions END;

    DELETE FROM analytics.runtime_metrics m WHERE m.timestamp = v_day AND NOT EXISTS (
        SELECT FROM analytics.usage_days d
        WHERE d.user_id = '' AND d.day = v_day AND d.language_title = m.language_title
    );
    DELETE FROM analytics.cache_metrics m WHERE m.timestamp = v_day AND NOT EXISTS (
        SELECT FROM analytics.usage_days d
        WHERE d.user_id = '' AND d.day = v_day AND d.language_title = m.language_title
    );

    INSERT INTO analytics.runtime_metrics AS m (
        timestamp, language_title, avg_duration_ms, p50_duration_ms, p90_duration_ms, p95_duration_ms, p99_duration_ms,
        request_count, error_count, cache_hit_count, memory_usage_mb, cpu_usage_percent
    )
    SELECT day, language_title, duration_sum::float8 / requests,
           analytics.histogram_percentile(buckets, counts, 0.50), analytics.histogram_percentile(buckets, counts, 0.90),
           analytics.histogram_percentile(buckets, counts, 0.95), analytics.histogram_percentile(buckets, counts, 0.99),
           requests, errors, cached, memory_sum / nullif(memory_count, 0), cpu_sum / nullif(cpu_count, 0)
    FROM analytics.usage_days
    WHERE user_id = '' AND day = v_day AND language_title <> ''
    ON CONFLICT (timestamp, language_title) DO UPDATE SET
        avg_duration_ms = excluded.avg_duration_ms, p50_duration_ms = excluded.p50_duration_ms,
        p90_duration_ms = excluded.p90_duration_ms, p95_duration_ms = excluded.p95_duration_ms,
        p99_duration_ms = excluded.p99_duration_ms, request_count = excluded.request_count,
        error_count = excluded.error_count, cache_hit_count = excluded.cache_hit_count,
        memory_usage_mb = excluded.memory_usage_mb, cpu_usage_percent = excluded.cpu_usage_percent;
    GET DIAGNOSTICS v_functions = ROW_COUNT;

    INSERT INTO analytics.cache_metrics AS m (
        timestamp, language_title, cache_hits, cache_misses, cache_hit_ratio, avg_cache_latency_ms, evictions,
        memory_usage_mb
    )
    SELECT day, language_title, cached, requests - cached, round(cached::numeric / requests, 4),
           coalesce(cached_duration_sum::float8 / nullif(cached, 0), 0), coalesce(v_evictions, 0), coalesce(v_memory, 0)
    FROM analytics.usage_days
    WHERE user_id = '' AND day = v_day AND language_title <> ''
    ON CONFLICT (timestamp, language_title) DO UPDATE SET
        cache_hits = excluded.cache_hits, cache_misses = excluded.cache_misses,
        cache_hit_ratio = excluded.cache_hit_ratio, avg_cache_latency_ms = excluded.avg_cache_latency_ms,
        evictions = coalesce(v_evictions, m.evictions), memory_usage_mb = coalesce(v_memory, m.memory_usage_mb);
    RETURN v_functions;
END
$$

-- Fills runtime_metrics and cache_metrics with one day (UTC), yesterday if none is given, from its roll-up; gives the
-- number of functions. It may be called for any day any number of times: what was there is replaced.
-- What the cache as a whole evicted and occupies the database cannot know: whoever knows says it, else it stays.
CREATE FUNCTION analytics.aggregate_daily_metrics(
    target_date date DEFAULT (now() AT TIME ZONE 'UTC')::date - 1,
    evicted bigint DEFAULT NULL,
    memory_mb double precision DEFAULT NULL
) RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_day CONSTANT timestamptz := target_date::timestamp AT TIME ZONE 'UTC';
    v_functions integer;
BEGIN
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
           coalesce(cached_duration_sum::float8 / nullif(cached, 0), 0), coalesce(evicted, 0), coalesce(memory_mb, 0)
    FROM analytics.usage_days
    WHERE user_id = '' AND day = v_day AND language_title <> ''
    ON CONFLICT (timestamp, language_title) DO UPDATE SET
        cache_hits = excluded.cache_hits, cache_misses = excluded.cache_misses,
        cache_hit_ratio = excluded.cache_hit_ratio, avg_cache_latency_ms = excluded.avg_cache_latency_ms,
        evictions = coalesce(evicted, m.evictions), memory_usage_mb = coalesce(memory_mb, m.memory_usage_mb);
    RETURN v_functions;
END
$$

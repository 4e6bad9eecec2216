"""The statements of the platform's first schema, word for word but for names: slow, from the raw logs, and right.

In them nobody is NULL, in the logs it is ''; and they ran in UTC.
"""

DAILY_USAGE_STATS = """
SELECT
    DATE_TRUNC('day', timestamp) AS day,
    language_title,
    COUNT(*) AS total_requests,
    COUNT(*) FILTER (WHERE status_code >= 200 AND status_code < 300) AS successful_requests,
    COUNT(*) FILTER (WHERE status_code >= 400) AS error_requests,
    COUNT(*) FILTER (WHERE cached = TRUE) AS cached_requests,
    AVG(duration_ms) AS avg_duration_ms,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_duration_ms,
    PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_duration_ms,
    COUNT(DISTINCT NULLIF(user_id, '')) AS unique_users
FROM
    public.request_logs
GROUP BY
    DATE_TRUNC('day', timestamp),
    language_title
"""

FUNCTION_PERFORMANCE = """
SELECT
    language_title,
    COUNT(*) AS total_requests,
    AVG(duration_ms) AS avg_duration_ms,
    PERCENTILE_CONT(0.50) WITHIN GROUP (ORDER BY duration_ms) AS p50_duration_ms,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_duration_ms,
    PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_duration_ms,
    MIN(duration_ms) AS min_duration_ms,
    MAX(duration_ms) AS max_duration_ms,
    COUNT(*) FILTER (WHERE status_code >= 400) AS error_count,
    COUNT(*) FILTER (WHERE cached = TRUE) AS cache_hit_count,
    ROUND((COUNT(*) FILTER (WHERE cached = TRUE))::NUMERIC / COUNT(*)::NUMERIC * 100, 2) AS cache_hit_ratio
FROM
    public.request_logs
WHERE
    timestamp > NOW() - INTERVAL '7 days'
GROUP BY
    language_title
"""

ERROR_SUMMARY = """
SELECT
    e.error_code,
    COUNT(*) AS error_count,
    MIN(e.timestamp) AS first_occurrence,
    MAX(e.timestamp) AS last_occurrence,
    r.language_title,
    MODE() WITHIN GROUP (ORDER BY r.status_code) AS most_common_status
FROM
    public.error_logs e
JOIN
    public.request_logs r ON e.request_log_id = r.id
WHERE
    e.timestamp > NOW() - INTERVAL '7 days'
GROUP BY
    e.error_code,
    r.language_title
"""

RUNTIME_METRICS = """
SELECT
    DATE_TRUNC('day', timestamp) AS timestamp,
    language_title,
    AVG(duration_ms) AS avg_duration_ms,
    PERCENTILE_CONT(0.50) WITHIN GROUP (ORDER BY duration_ms) AS p50_duration_ms,
    PERCENTILE_CONT(0.90) WITHIN GROUP (ORDER BY duration_ms) AS p90_duration_ms,
    PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_duration_ms,
    PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_duration_ms,
    COUNT(*) AS request_count,
    COUNT(*) FILTER (WHERE status_code >= 400) AS error_count,
    COUNT(*) FILTER (WHERE cached = TRUE) AS cache_hit_count,
    AVG((runtime_metrics->>'memory_usage_mb')::FLOAT) AS memory_usage_mb,
    AVG((runtime_metrics->>'cpu_usage_percent')::FLOAT) AS cpu_usage_percent
FROM
    public.request_logs
WHERE
    DATE(timestamp) = %s
GROUP BY
    DATE_TRUNC('day', timestamp),
    language_title
"""

CACHE_METRICS = """
SELECT
    DATE_TRUNC('day', timestamp) AS timestamp,
    language_title,
    COUNT(*) FILTER (WHERE cached = TRUE) AS cache_hits,
    COUNT(*) FILTER (WHERE cached = FALSE) AS cache_misses,
    ROUND((COUNT(*) FILTER (WHERE cached = TRUE))::NUMERIC / COUNT(*)::NUMERIC, 4) AS cache_hit_ratio,
    COALESCE(AVG(CASE WHEN cached = TRUE THEN duration_ms ELSE NULL END), 0) AS avg_cache_latency_ms,
    0 AS evictions,
    0 AS memory_usage_mb
FROM
    public.request_logs
WHERE
    DATE(timestamp) = %s
GROUP BY
    DATE_TRUNC('day', timestamp),
    language_title
"""

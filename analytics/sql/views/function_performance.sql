-- Each function over the last seven days, by whole hours, of all users.
CREATE VIEW analytics.function_performance WITH (security_invoker = true) AS
WITH hours AS (
    SELECT * FROM analytics.usage_hours
    WHERE user_id = '' AND language_title <> '' AND hour > now() - interval '7 days'
), sums AS (
    SELECT language_title, sum(requests) AS requests, sum(duration_sum) AS duration_sum,
           min(duration_min) AS duration_min, max(duration_max) AS duration_max, sum(errors) AS errors,
           sum(cached) AS cached
    FROM hours
    GROUP BY language_title
), cells AS (
    SELECT hours.language_title, h.bucket, sum(h.count)::bigint AS count
    FROM hours, unnest(hours.buckets, hours.counts) AS h (bucket, count)
    GROUP BY hours.language_title, h.bucket
), histograms AS (
    SELECT language_title, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(count ORDER BY bucket) AS counts
    FROM cells
    GROUP BY language_title
)
SELECT s.language_title,
       s.requests::bigint AS total_requests,
       s.duration_sum / s.requests AS avg_duration_ms,
       analytics.histogram_percentile(h.buckets, h.counts, 0.50) AS p50_duration_ms,
       analytics.histogram_percentile(h.buckets, h.counts, 0.95) AS p95_duration_ms,
       analytics.histogram_percentile(h.buckets, h.counts, 0.99) AS p99_duration_ms,
       s.duration_min AS min_duration_ms,
       s.duration_max AS max_duration_ms,
       s.errors::bigint AS error_count,
       s.cached::bigint AS cache_hit_count,
       round(s.cached / s.requests * 100, 2) AS cache_hit_ratio
FROM sums s
JOIN histograms h USING (language_title)
ORDER BY total_requests DESC

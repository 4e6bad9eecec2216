-- Each function's days, of all users. From the roll-ups: percentiles are at most 1.96 % off, and today reaches to
-- rollup_state.data_through. The reader's own rights count, not the owner's.
CREATE VIEW analytics.daily_usage_stats WITH (security_invoker = true) AS
SELECT day,
       language_title,
       requests AS total_requests,
       successes AS successful_requests,
       errors AS error_requests,
       cached AS cached_requests,
       duration_sum::numeric / requests AS avg_duration_ms,
       analytics.histogram_percentile(buckets, counts, 0.95) AS p95_duration_ms,
       analytics.histogram_percentile(buckets, counts, 0.99) AS p99_duration_ms,
       unique_users
FROM analytics.usage_days
WHERE user_id = '' AND language_title <> ''
ORDER BY day DESC, total_requests DESC

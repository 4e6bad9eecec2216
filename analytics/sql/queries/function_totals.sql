-- Each function over a whole period, busiest first, with its histogram if it is wanted: of the days that lie in the
-- period whole, and of the hours at its two ends. So a month by the hour costs no more than one by the day.
-- The ORM can neither read two tables as one nor take two arrays apart together.
WITH parts AS MATERIALIZED (
    SELECT language_title, requests, successes, errors, cached, duration_sum, duration_min, duration_max,
           cached_duration_sum, memory_sum, memory_count, cpu_sum, cpu_count, buckets, counts
    FROM analytics.usage_days
    WHERE user_id = %(user_id)s AND day >= %(first_day)s AND day < %(end_day)s
      AND CASE WHEN %(title)s::text IS NULL THEN language_title <> '' ELSE language_title = %(title)s END
    UNION ALL
    SELECT language_title, requests, successes, errors, cached, duration_sum, duration_min, duration_max,
           cached_duration_sum, memory_sum, memory_count, cpu_sum, cpu_count, buckets, counts
    FROM analytics.usage_hours
    WHERE user_id = %(user_id)s AND hour >= %(begin)s AND hour < least(%(first_day)s, %(end)s)
      AND CASE WHEN %(title)s::text IS NULL THEN language_title <> '' ELSE language_title = %(title)s END
    UNION ALL
    SELECT language_title, requests, successes, errors, cached, duration_sum, duration_min, duration_max,
           cached_duration_sum, memory_sum, memory_count, cpu_sum, cpu_count, buckets, counts
    FROM analytics.usage_hours
    WHERE user_id = %(user_id)s AND hour >= greatest(%(end_day)s, %(first_day)s) AND hour < %(end)s
      AND CASE WHEN %(title)s::text IS NULL THEN language_title <> '' ELSE language_title = %(title)s END
), totals AS (
    SELECT language_title, sum(requests)::bigint AS requests, sum(successes)::bigint AS successes,
           sum(errors)::bigint AS errors, sum(cached)::bigint AS cached, sum(duration_sum)::bigint AS duration_sum,
           min(duration_min) AS duration_min, max(duration_max) AS duration_max,
           sum(cached_duration_sum)::bigint AS cached_duration_sum,
           sum(memory_sum) AS memory_sum, sum(memory_count)::bigint AS memory_count,
           sum(cpu_sum) AS cpu_sum, sum(cpu_count)::bigint AS cpu_count
    FROM parts
    GROUP BY language_title
    ORDER BY sum(requests) DESC, language_title
    LIMIT %(limit)s
), cells AS (
    SELECT language_title, h.bucket, sum(h.count)::bigint AS count
    FROM parts JOIN totals USING (language_title), unnest(parts.buckets, parts.counts) AS h (bucket, count)
    WHERE %(histograms)s
    GROUP BY language_title, h.bucket
), histograms AS (
    SELECT language_title, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(count ORDER BY bucket) AS counts
    FROM cells
    GROUP BY language_title
)
SELECT t.language_title, t.requests, t.successes, t.errors, t.cached, t.duration_sum, t.duration_min, t.duration_max,
       t.cached_duration_sum, t.memory_sum, t.memory_count, t.cpu_sum, t.cpu_count, h.buckets, h.counts
FROM totals t
LEFT JOIN histograms h USING (language_title)
ORDER BY t.requests DESC, t.language_title

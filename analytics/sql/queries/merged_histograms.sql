-- The durations of each of these functions over a period, as one histogram: the sums of its hours' or days' counts.
-- Only one of the two tables is read. The ORM cannot take two arrays apart together.
WITH cells AS (
    SELECT u.language_title, h.bucket, sum(h.count)::bigint AS count
    FROM analytics.usage_days u, unnest(u.buckets, u.counts) AS h (bucket, count)
    WHERE %(by_day)s AND u.user_id = %(user_id)s AND u.language_title = ANY (%(titles)s)
      AND u.day >= %(begin)s AND u.day < %(end)s
    GROUP BY u.language_title, h.bucket
    UNION ALL
    SELECT u.language_title, h.bucket, sum(h.count)::bigint
    FROM analytics.usage_hours u, unnest(u.buckets, u.counts) AS h (bucket, count)
    WHERE NOT %(by_day)s AND u.user_id = %(user_id)s AND u.language_title = ANY (%(titles)s)
      AND u.hour >= %(begin)s AND u.hour < %(end)s
    GROUP BY u.language_title, h.bucket
)
SELECT language_title, array_agg(bucket ORDER BY bucket), array_agg(count ORDER BY bucket)
FROM cells
GROUP BY language_title

-- The kinds of errors of a period, most frequent first, from the days that lie in it whole and the hours at its ends.
-- Statuses and examples are looked up for the kinds shown only.
-- Of statuses that are equally common the lowest, as mode() has it. The ORM has no form for the documents of counts.
WITH parts AS MATERIALIZED (
    SELECT language_title, error_code, errors, first_occurrence, last_occurrence, statuses, example
    FROM analytics.error_days
    WHERE user_id = %(user_id)s AND day >= %(first_day)s AND day < %(end_day)s
      AND (%(title)s::text IS NULL OR language_title = %(title)s)
    UNION ALL
    SELECT language_title, error_code, errors, first_occurrence, last_occurrence, statuses, example
    FROM analytics.error_hours
    WHERE user_id = %(user_id)s AND hour >= %(begin)s AND hour < least(%(first_day)s, %(end)s)
      AND (%(title)s::text IS NULL OR language_title = %(title)s)
    UNION ALL
    SELECT language_title, error_code, errors, first_occurrence, last_occurrence, statuses, example
    FROM analytics.error_hours
    WHERE user_id = %(user_id)s AND hour >= greatest(%(end_day)s, %(first_day)s) AND hour < %(end)s
      AND (%(title)s::text IS NULL OR language_title = %(title)s)
), kinds AS MATERIALIZED (
    SELECT language_title, error_code, sum(errors)::bigint AS errors, min(first_occurrence) AS first_occurrence,
           max(last_occurrence) AS last_occurrence
    FROM parts
    GROUP BY language_title, error_code
    ORDER BY errors DESC, language_title, error_code
    LIMIT %(limit)s
), times AS (
    SELECT language_title, error_code, s.status, sum(s.times::bigint) AS times
    FROM parts, jsonb_each_text(statuses) AS s (status, times)
    GROUP BY language_title, error_code, s.status
), commonest AS (
    SELECT DISTINCT ON (language_title, error_code) language_title, error_code, status::integer AS status
    FROM times
    ORDER BY language_title, error_code, times DESC, status::integer
), latest AS (
    SELECT DISTINCT ON (language_title, error_code) k.language_title, k.error_code, h.example
    FROM kinds k
    JOIN parts h USING (language_title, error_code, last_occurrence)
    ORDER BY language_title, error_code, h.example DESC
)
SELECT k.language_title, k.error_code, k.errors, k.first_occurrence, k.last_occurrence, c.status, l.example
FROM kinds k
JOIN commonest c USING (language_title, error_code)
JOIN latest l USING (language_title, error_code)
ORDER BY k.errors DESC, k.language_title, k.error_code

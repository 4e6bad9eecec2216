-- Each function's errors over the last seven days, by whole hours of their requests, of all users. Of statuses that are
-- equally common the lowest, as mode() has it.
CREATE VIEW analytics.error_summary WITH (security_invoker = true) AS
SELECT e.error_code,
       sum(e.errors)::bigint AS error_count,
       min(e.first_occurrence) AS first_occurrence,
       max(e.last_occurrence) AS last_occurrence,
       e.language_title,
       (SELECT s.status::integer
        FROM analytics.error_hours o, jsonb_each_text(o.statuses) AS s (status, times)
        WHERE o.user_id = '' AND o.hour > now() - interval '7 days'
          AND o.language_title = e.language_title AND o.error_code = e.error_code
        GROUP BY s.status
        ORDER BY sum(s.times::bigint) DESC, s.status::integer
        LIMIT 1) AS most_common_status
FROM analytics.error_hours e
WHERE e.user_id = '' AND e.hour > now() - interval '7 days'
GROUP BY e.error_code, e.language_title
ORDER BY error_count DESC

-- The newest attempted deliveries of each endpoint: few rows of an index, however long the history is.
-- Parameters: endpoints, rows to look at for each, rows to give of these.
SELECT e.id, d.last_error = '', d.last_status, (d.last->>'at')::timestamptz, (d.last->>'milliseconds')::integer
FROM unnest(%s::uuid[]) AS e (id)
CROSS JOIN LATERAL (
    SELECT n.id, n.last_error, n.last_status, n.last
    FROM (
        SELECT w.id, w.last_error, w.last_status, w.attempts[array_upper(w.attempts, 1)] AS last
        FROM job_webhook_deliveries w WHERE w.endpoint_id = e.id ORDER BY w.id DESC LIMIT %s
    ) n
    WHERE n.last IS NOT NULL ORDER BY n.id DESC LIMIT %s
) d
ORDER BY e.id, d.id DESC

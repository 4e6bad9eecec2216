-- The open lanes (queue and priority) that have pending jobs, each with its earliest scheduled_at.
-- A loose scan: one probe of the claim index per lane, however many jobs wait in it. The ORM has no form for it.
WITH RECURSIVE lanes AS (
    (SELECT queue, priority, scheduled_at FROM job_queue
     WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL ORDER BY queue, priority DESC, scheduled_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority, n.scheduled_at FROM lanes l CROSS JOIN LATERAL (
        (SELECT queue, priority, scheduled_at, 1 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL AND queue = l.queue AND priority < l.priority
         ORDER BY priority DESC, scheduled_at LIMIT 1)
        UNION ALL
        (SELECT queue, priority, scheduled_at, 2 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL AND queue > l.queue
         ORDER BY queue, priority DESC, scheduled_at LIMIT 1)
        ORDER BY turn LIMIT 1
    ) n
)
SELECT queue, priority, scheduled_at, extract(epoch FROM scheduled_at - statement_timestamp())::float8 AS due_in
FROM lanes
WHERE %(queues)s::text[] IS NULL OR queue = ANY (%(queues)s::text[])

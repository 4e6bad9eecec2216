-- The open lanes (queue and priority) that have pending jobs, each with its earliest scheduled_at, and the queues and
-- priorities that have lanes beside the open one, without a time: those are listed by keyed_lanes.
-- Loose scans: one probe of an index per row, however many jobs wait there. The ORM has no form for it.
WITH RECURSIVE lanes AS (
    (SELECT queue, priority, scheduled_at FROM job_queue
     WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
     ORDER BY queue, priority DESC, scheduled_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority, n.scheduled_at FROM lanes l CROSS JOIN LATERAL (
        (SELECT queue, priority, scheduled_at, 1 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL AND queue = l.queue
           AND priority < l.priority
         ORDER BY priority DESC, scheduled_at LIMIT 1)
        UNION ALL
        (SELECT queue, priority, scheduled_at, 2 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL AND queue > l.queue
         ORDER BY queue, priority DESC, scheduled_at LIMIT 1)
        ORDER BY turn LIMIT 1
    ) n
), keyed AS (
    (SELECT queue, priority FROM job_queue
     WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL
     ORDER BY queue, priority DESC LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority FROM keyed k CROSS JOIN LATERAL (
        (SELECT queue, priority, 1 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL AND queue = k.queue
           AND priority < k.priority
         ORDER BY priority DESC LIMIT 1)
        UNION ALL
        (SELECT queue, priority, 2 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL AND queue > k.queue
         ORDER BY queue, priority DESC LIMIT 1)
        ORDER BY turn LIMIT 1
    ) n
), found AS (
    SELECT queue, priority, scheduled_at FROM lanes
    UNION ALL
    SELECT queue, priority, NULL FROM keyed
), ruled AS MATERIALIZED (
    SELECT name FROM job_queues WHERE concurrency_limit IS NOT NULL OR rate_limit IS NOT NULL
)
SELECT queue, priority, scheduled_at,
       coalesce(extract(epoch FROM scheduled_at - statement_timestamp()), 0)::float8 AS due_in,
       queue IN (SELECT name FROM ruled) AS ruled
FROM found
WHERE %(queues)s::text[] IS NULL OR queue = ANY (%(queues)s::text[])

-- How full the queues are, for a page that is looked at every few seconds: each queue and priority is counted up to a
-- small cap, of so many of them, and whoever wants more reads what was counted in the last minute. Names and priorities
-- come from a loose scan of the claim's index, where jobs that are due stand before those that are for later.
WITH RECURSIVE levels AS (
    (SELECT queue, priority, scheduled_at, 1 AS number FROM job_queue
     WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
     ORDER BY queue, priority DESC, scheduled_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority, n.scheduled_at, l.number + 1 FROM levels l CROSS JOIN LATERAL (
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
    WHERE l.number < %(levels)s
), cap AS MATERIALIZED (
    -- Few may be counted far, many not: together they are no more than the budget.
    SELECT least(%(most)s, greatest(%(least)s, %(budget)s / greatest(1, count(*)))) AS jobs FROM levels
), open_lane AS (
    SELECT l.queue, sum(due.jobs) AS due, sum(later.jobs) AS later, sum(later.again) AS again,
           min(l.scheduled_at) AS first,
           bool_or(due.jobs >= c.jobs) AS more_due, bool_or(later.jobs >= c.jobs) AS more_later
    FROM levels l CROSS JOIN cap c
    CROSS JOIN LATERAL (SELECT count(*) AS jobs FROM (
        SELECT FROM job_queue
        WHERE queue = l.queue AND priority = l.priority AND status = 'pending' AND waits_for IS NULL
          AND lane_key IS NULL AND scheduled_at <= statement_timestamp()
        LIMIT (SELECT jobs FROM cap)) counted) due
    CROSS JOIN LATERAL (SELECT count(*) AS jobs, count(*) FILTER (WHERE retry_count > 0) AS again FROM (
        SELECT retry_count FROM job_queue
        WHERE queue = l.queue AND priority = l.priority AND status = 'pending' AND waits_for IS NULL
          AND lane_key IS NULL AND scheduled_at > statement_timestamp()
        LIMIT (SELECT jobs FROM cap)) counted) later
    GROUP BY l.queue
), keyed AS (
    -- Jobs with a key or in a fair queue stand by lane, so that what is due is not in one place.
    SELECT queue, count(*) FILTER (WHERE scheduled_at <= statement_timestamp()) AS due,
           count(*) FILTER (WHERE scheduled_at > statement_timestamp()) AS later,
           count(*) FILTER (WHERE scheduled_at > statement_timestamp() AND retry_count > 0) AS again,
           min(scheduled_at) AS first,
           count(*) AS jobs
    FROM (SELECT queue, scheduled_at, retry_count FROM job_queue
          WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL
          ORDER BY queue, priority DESC, lane_key, scheduled_at LIMIT %(most)s) counted
    GROUP BY queue
), running AS (
    SELECT queue, count(*) AS jobs FROM (
        SELECT queue FROM job_queue WHERE status = 'processing' ORDER BY started_at, id LIMIT %(running)s) counted
    GROUP BY queue
), waits AS (
    SELECT queue, count(*) AS jobs FROM (
        SELECT queue FROM job_queue WHERE status = 'pending' AND waits_for IS NOT NULL
        ORDER BY waits_for, scheduled_at, id LIMIT %(most)s) counted
    GROUP BY queue
)
SELECT k.queue, (coalesce(o.due, 0) + coalesce(l.due, 0))::bigint,
       (coalesce(o.later, 0) + coalesce(l.later, 0))::bigint,
       (coalesce(o.again, 0) + coalesce(l.again, 0))::bigint,
       greatest(0, extract(epoch FROM statement_timestamp() - least(o.first, l.first)))::float8,
       coalesce(r.jobs, 0),
       coalesce(o.more_due, false) OR a.cut, coalesce(o.more_later, false) OR a.cut,
       coalesce(q.paused, false), coalesce(q.paused_reason, ''), coalesce(w.jobs, 0)
FROM (SELECT queue FROM open_lane UNION SELECT queue FROM keyed UNION SELECT queue FROM running
      UNION SELECT queue FROM waits
      UNION SELECT name FROM job_queues WHERE paused) k
CROSS JOIN (SELECT coalesce((SELECT sum(jobs) FROM keyed) >= %(most)s, false)
                   OR (SELECT count(*) FROM levels) >= %(levels)s AS cut) a
LEFT JOIN open_lane o USING (queue)
LEFT JOIN keyed l USING (queue)
LEFT JOIN running r USING (queue)
LEFT JOIN waits w USING (queue)
LEFT JOIN job_queues q ON q.name = k.queue
ORDER BY k.queue

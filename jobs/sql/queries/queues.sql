-- Each queue that holds waiting or running jobs or has a row of its own, with bounded counts: nothing here touches
-- history. Names come from loose scans of the claim's indexes; ages from the head of every priority of the open lane,
-- and of so many of the other lanes as a claim lists at once.
WITH RECURSIVE open_queues AS (
    (SELECT queue FROM job_queue WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
     ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT n.queue FROM open_queues w CROSS JOIN LATERAL (
        SELECT queue FROM job_queue
        WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL AND queue > w.queue
        ORDER BY queue LIMIT 1) n
), keyed_queues AS (
    (SELECT queue FROM job_queue WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL
     ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT n.queue FROM keyed_queues w CROSS JOIN LATERAL (
        SELECT queue FROM job_queue
        WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL AND queue > w.queue
        ORDER BY queue LIMIT 1) n
), lanes AS (
    (SELECT queue, priority, lane_key, scheduled_at, 1 AS number FROM job_queue
     WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL
     ORDER BY queue, priority DESC, lane_key, scheduled_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority, n.lane_key, n.scheduled_at, l.number + 1 FROM lanes l CROSS JOIN LATERAL (
        (SELECT queue, priority, lane_key, scheduled_at, 1 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL AND queue = l.queue
           AND priority = l.priority AND lane_key > l.lane_key
         ORDER BY lane_key, scheduled_at LIMIT 1)
        UNION ALL
        (SELECT queue, priority, lane_key, scheduled_at, 2 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL AND queue = l.queue
           AND priority < l.priority
         ORDER BY priority DESC, lane_key, scheduled_at LIMIT 1)
        UNION ALL
        (SELECT queue, priority, lane_key, scheduled_at, 3 AS turn FROM job_queue
         WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL AND queue > l.queue
         ORDER BY queue, priority DESC, lane_key, scheduled_at LIMIT 1)
        ORDER BY turn LIMIT 1
    ) n
    WHERE l.number < %(lanes)s
), oldest_in_lanes AS (
    SELECT queue, min(scheduled_at) AS scheduled_at FROM lanes GROUP BY queue
), running AS (
    SELECT queue, count(*) AS processing FROM job_queue WHERE status = 'processing' GROUP BY queue
), waits AS (
    SELECT queue, count(*) AS waiting FROM (
        SELECT queue FROM job_queue WHERE status = 'pending' AND waits_for IS NOT NULL
        ORDER BY waits_for, scheduled_at, id LIMIT %(waits)s) capped
    GROUP BY queue
), known AS (
    SELECT queue FROM open_queues UNION SELECT queue FROM keyed_queues UNION SELECT queue FROM running
    UNION SELECT queue FROM waits UNION SELECT name FROM job_queues
)
SELECT k.queue, least(%(cap)s, open_lane.jobs + other_lanes.jobs),
       greatest(0, extract(epoch FROM clock_timestamp() - least(due.oldest, o.scheduled_at)))::float8,
       coalesce(r.processing, 0), coalesce(q.paused, false), coalesce(w.waiting, 0),
       least(%(cap)s, open_lane.due + other_lanes.due)
FROM known k
CROSS JOIN LATERAL (SELECT count(*) AS jobs, count(*) FILTER (WHERE scheduled_at <= statement_timestamp()) AS due FROM (
    SELECT scheduled_at FROM job_queue
    WHERE queue = k.queue AND status = 'pending' AND waits_for IS NULL AND lane_key IS NULL LIMIT %(cap)s
) capped) open_lane
CROSS JOIN LATERAL (SELECT count(*) AS jobs, count(*) FILTER (WHERE scheduled_at <= statement_timestamp()) AS due FROM (
    SELECT scheduled_at FROM job_queue
    WHERE queue = k.queue AND status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL LIMIT %(cap)s
) capped) other_lanes
CROSS JOIN LATERAL (
    WITH RECURSIVE levels AS (
        (SELECT priority, scheduled_at FROM job_queue
         WHERE queue = k.queue AND status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
         ORDER BY priority DESC, scheduled_at LIMIT 1)
        UNION ALL
        SELECT n.priority, n.scheduled_at FROM levels l CROSS JOIN LATERAL (
            SELECT priority, scheduled_at FROM job_queue
            WHERE queue = k.queue AND status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
              AND priority < l.priority
            ORDER BY priority DESC, scheduled_at LIMIT 1) n
    ) SELECT min(scheduled_at) AS oldest FROM levels) due
LEFT JOIN oldest_in_lanes o USING (queue)
LEFT JOIN running r USING (queue)
LEFT JOIN waits w USING (queue)
LEFT JOIN job_queues q ON q.name = k.queue
ORDER BY k.queue

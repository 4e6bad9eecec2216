-- Adds what the counters have gained since the last look to the minute, the quarter and the hour that it is, and how
-- full the queues are. What was counted and how far the counters had come are written by this one statement, so that
-- no count is added twice or lost. A counter that went back (a database restored by hand) counts from where it is now.
WITH looked AS MATERIALIZED (
    SELECT clock_timestamp() AS at,
           (SELECT at FROM job_queue_totals WHERE queue = '') AS before
), gauges AS (
    SELECT * FROM unnest(%(names)s::text[], %(depths)s::bigint[], %(ages)s::float8[], %(running)s::int[])
        AS g (queue, depth, oldest, running)
), outcomes AS (
    SELECT queue, sum(count) AS attempts,
           coalesce(sum(count) FILTER (WHERE outcome = 'completed'), 0) AS completed,
           coalesce(sum(count) FILTER (WHERE outcome = 'retry'), 0) AS retried,
           coalesce(sum(count) FILTER (WHERE outcome = 'cancelled'), 0) AS cancelled,
           coalesce(sum(count) FILTER (WHERE outcome = 'deadlettered'), 0) AS dead
    FROM job_outcome_counters GROUP BY queue
), runs AS (
    SELECT queue, array_agg(number ORDER BY place) AS runs FROM (
        SELECT c.queue, h.place, sum(h.number)::bigint AS number
        FROM job_outcome_counters c, unnest(c.histogram) WITH ORDINALITY AS h (number, place)
        GROUP BY c.queue, h.place) summed
    GROUP BY queue
), waits AS (
    SELECT queue, histogram AS waits FROM job_wait_counters WHERE name = 'waited'
), counters AS (
    SELECT coalesce(o.queue, w.queue) AS queue, NULL::bigint AS enqueued, coalesce(o.attempts, 0)::bigint AS attempts,
           coalesce(o.completed, 0)::bigint AS completed, coalesce(o.retried, 0)::bigint AS retried,
           coalesce(o.cancelled, 0)::bigint AS cancelled, coalesce(o.dead, 0)::bigint AS dead,
           coalesce(w.waits, '{}') AS waits, coalesce(r.runs, '{}') AS runs
    FROM outcomes o LEFT JOIN runs r USING (queue) FULL JOIN waits w ON w.queue = o.queue
), inserted AS (
    -- The server counts inserted rows anyway, also those that are rolled back.
    SELECT coalesce(sum(n_tup_ins), 0)::bigint AS enqueued
    FROM pg_stat_user_tables WHERE relid = 'public.job_queue'::regclass
), letters AS (
    -- Also of jobs that no worker ended: lost with their worker, or ended by SQL.
    SELECT coalesce(sum(count), 0)::bigint AS dead FROM job_event_counts WHERE name = 'dead_lettered'
), now_at AS MATERIALIZED (
    SELECT * FROM counters
    UNION ALL
    SELECT '', (SELECT enqueued FROM inserted), 0, 0, 0, 0, (SELECT dead FROM letters), '{}', '{}'
), gained AS (
    SELECT n.queue,
           greatest(n.enqueued - coalesce(t.enqueued, 0), 0) AS enqueued,
           greatest(n.attempts - coalesce(t.attempts, 0), 0) AS attempts,
           greatest(n.completed - coalesce(t.completed, 0), 0) AS completed,
           greatest(n.retried - coalesce(t.retried, 0), 0) AS retried,
           greatest(n.cancelled - coalesce(t.cancelled, 0), 0) AS cancelled,
           greatest(n.dead - coalesce(t.dead, 0), 0) AS dead,
           (SELECT coalesce(array_agg(greatest(coalesce(h.number, 0) - coalesce(h.old, 0), 0) ORDER BY h.place), '{}')
            FROM unnest(n.waits, t.waits) WITH ORDINALITY AS h (number, old, place)) AS waits,
           (SELECT coalesce(array_agg(greatest(coalesce(h.number, 0) - coalesce(h.old, 0), 0) ORDER BY h.place), '{}')
            FROM unnest(n.runs, t.runs) WITH ORDINALITY AS h (number, old, place)) AS runs
    FROM now_at n LEFT JOIN job_queue_totals t USING (queue)
    -- The first look of all only learns where the counters are.
    WHERE (SELECT before FROM looked) IS NOT NULL
      AND (t.queue IS NULL OR (n.attempts, n.waits, n.runs) IS DISTINCT FROM (t.attempts, t.waits, t.runs)
           OR n.queue = '')
), told AS (
    -- Names come from callers: beyond so many, those with the least to tell go under one name.
    SELECT CASE WHEN queue = '' OR place <= %(most)s THEN queue ELSE '_other' END AS queue,
           enqueued, attempts, completed, retried, cancelled, dead, waits, runs, depth, oldest, running
    FROM (
        SELECT coalesce(g.queue, n.queue) AS queue, n.enqueued, n.attempts, n.completed, n.retried, n.cancelled, n.dead,
               n.waits, n.runs, g.depth, g.oldest, g.running,
               row_number() OVER (ORDER BY coalesce(g.depth, 0) + coalesce(n.attempts, 0) DESC,
                                  coalesce(g.queue, n.queue)) AS place
        FROM gauges g FULL JOIN gained n ON n.queue = g.queue
    ) ranked
), minutes AS (
    SELECT queue, sum(enqueued) AS enqueued, sum(attempts) AS attempts, sum(completed) AS completed,
           sum(retried) AS retried, sum(cancelled) AS cancelled, sum(dead) AS dead,
           sum(depth) AS depth, max(oldest) AS oldest, sum(running) AS running
    FROM told WHERE queue <> '' GROUP BY queue
    UNION ALL
    SELECT '', max(enqueued), sum(attempts), sum(completed), sum(retried), sum(cancelled),
           coalesce(max(dead) FILTER (WHERE queue = ''), 0), sum(depth), max(oldest), sum(running)
    FROM told
), histograms AS (
    SELECT queue, kind, array_agg(number ORDER BY place) AS numbers FROM (
        SELECT q.queue, h.kind, h.place, sum(h.number)::bigint AS number
        FROM told t
        CROSS JOIN LATERAL (SELECT 'waits' AS kind, w.* FROM unnest(t.waits) WITH ORDINALITY AS w (number, place)
                            UNION ALL
                            SELECT 'runs', r.* FROM unnest(t.runs) WITH ORDINALITY AS r (number, place)) h
        CROSS JOIN LATERAL (VALUES (t.queue), ('')) AS q (queue)
        GROUP BY q.queue, h.kind, h.place) summed
    GROUP BY queue, kind
), learnt AS (
    INSERT INTO job_queue_totals AS t (queue, at, enqueued, attempts, completed, retried, cancelled, dead, waits, runs)
    SELECT n.queue, CASE WHEN n.queue = '' THEN l.at END, coalesce(n.enqueued, 0), n.attempts, n.completed, n.retried,
           n.cancelled, n.dead, n.waits, n.runs
    FROM now_at n, looked l
    ON CONFLICT (queue) DO UPDATE
    SET at = excluded.at, enqueued = excluded.enqueued, attempts = excluded.attempts, completed = excluded.completed,
        retried = excluded.retried, cancelled = excluded.cancelled, dead = excluded.dead, waits = excluded.waits,
        runs = excluded.runs
    WHERE t.queue = '' OR (t.attempts, t.waits, t.runs) IS DISTINCT FROM
                          (excluded.attempts, excluded.waits, excluded.runs)
)
INSERT INTO job_queue_minutes AS m (queue, grain, at, samples, seconds, enqueued, attempts, completed, retried,
    cancelled, dead, waits, runs, depth, oldest, running, workers, slots)
SELECT g.queue, grain.minutes, date_bin(make_interval(mins => grain.minutes), l.at, timestamptz 'epoch'), 1,
       coalesce(extract(epoch FROM l.at - l.before), 0), coalesce(g.enqueued, 0), coalesce(g.attempts, 0),
       coalesce(g.completed, 0), coalesce(g.retried, 0), coalesce(g.cancelled, 0), coalesce(g.dead, 0),
       coalesce(w.numbers, '{}'), coalesce(r.numbers, '{}'), coalesce(g.depth, 0), coalesce(g.oldest, 0),
       coalesce(g.running, 0), CASE WHEN g.queue = '' THEN %(workers)s ELSE 0 END,
       CASE WHEN g.queue = '' THEN %(slots)s ELSE 0 END
FROM minutes g
CROSS JOIN looked l
CROSS JOIN (VALUES (1), (15), (60)) AS grain (minutes)
LEFT JOIN histograms w ON w.queue = g.queue AND w.kind = 'waits'
LEFT JOIN histograms r ON r.queue = g.queue AND r.kind = 'runs'
WHERE g.queue = '' OR g.attempts > 0 OR g.depth > 0 OR g.running > 0 OR w.numbers IS NOT NULL
ON CONFLICT (queue, grain, at) DO UPDATE
SET samples = m.samples + 1, seconds = m.seconds + excluded.seconds, enqueued = m.enqueued + excluded.enqueued,
    attempts = m.attempts + excluded.attempts, completed = m.completed + excluded.completed,
    retried = m.retried + excluded.retried, cancelled = m.cancelled + excluded.cancelled, dead = m.dead + excluded.dead,
    waits = (SELECT coalesce(array_agg(coalesce(h.old, 0) + coalesce(h.new, 0) ORDER BY h.place), '{}')
             FROM unnest(m.waits, excluded.waits) WITH ORDINALITY AS h (old, new, place)),
    runs = (SELECT coalesce(array_agg(coalesce(h.old, 0) + coalesce(h.new, 0) ORDER BY h.place), '{}')
            FROM unnest(m.runs, excluded.runs) WITH ORDINALITY AS h (old, new, place)),
    depth = greatest(m.depth, excluded.depth), oldest = greatest(m.oldest, excluded.oldest),
    running = greatest(m.running, excluded.running), workers = least(m.workers, excluded.workers),
    slots = least(m.slots, excluded.slots)

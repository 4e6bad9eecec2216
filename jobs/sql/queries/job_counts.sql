-- How many jobs have each status that is not history, counted no further than %(cap)s: each look walks the beginning of
-- a partial index, in that index's order, so that the planner has no reason to read the table instead. Completed jobs
-- are the mass of history, and not counted.
SELECT 'pending' AS status, count(*) FROM (
    (SELECT 1 FROM job_queue WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NULL
     ORDER BY queue, priority DESC, scheduled_at, id LIMIT %(cap)s)
    UNION ALL
    (SELECT 1 FROM job_queue WHERE status = 'pending' AND waits_for IS NULL AND lane_key IS NOT NULL
     ORDER BY queue, priority DESC, lane_key, scheduled_at, id LIMIT %(cap)s)
    UNION ALL
    (SELECT 1 FROM job_queue WHERE status = 'pending' AND waits_for IS NOT NULL
     ORDER BY waits_for, scheduled_at, id LIMIT %(cap)s)
) pending
UNION ALL
SELECT 'processing', count(*) FROM (
    SELECT 1 FROM job_queue WHERE status = 'processing' ORDER BY started_at, id LIMIT %(cap)s) processing
UNION ALL
SELECT 'dead_letter', count(*) FROM (
    SELECT 1 FROM job_queue WHERE status = 'dead_letter' AND NOT is_deleted ORDER BY id DESC LIMIT %(cap)s) dead
UNION ALL
SELECT 'failed', count(*) FROM (
    SELECT 1 FROM job_queue WHERE status = 'failed' AND NOT is_deleted ORDER BY id DESC LIMIT %(cap)s) failed
UNION ALL
SELECT 'cancelled', count(*) FROM (
    SELECT 1 FROM job_queue WHERE status = 'cancelled' AND NOT is_deleted ORDER BY id DESC LIMIT %(cap)s) cancelled

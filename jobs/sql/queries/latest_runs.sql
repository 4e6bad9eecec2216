-- The latest jobs of each of these schedules, made for its times. One index scan for each: the join is lateral, so that
-- the history of a schedule that fires every second costs no more than that of one that fires once a year.
SELECT wanted.id, run.id, run.status, run.scheduled_for, run.started_at,
       coalesce(run.completed_at, run.failed_at) AS ended_at
FROM unnest(%(schedules)s::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT id, status, scheduled_for, started_at, completed_at, failed_at FROM job_queue
    WHERE schedule_id = wanted.id AND scheduled_for IS NOT NULL
    ORDER BY scheduled_for DESC LIMIT %(most)s
) run
ORDER BY wanted.id, run.scheduled_for

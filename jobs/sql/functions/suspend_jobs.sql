-- Puts jobs whose lock token still matches back to pending until what their open sleeps and waits say, and uses up no
-- retry: for an event with its deadline, the far future if it has none, else for the first end of a sleep. A job that
-- someone asked to cancel ends here instead.
CREATE FUNCTION suspend_jobs(p_job_ids uuid[], p_lock_tokens bigint[], p_delays double precision[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_ids uuid[];
BEGIN
    WITH held AS MATERIALIZED (
        SELECT o.job_id, o.delay FROM unnest(p_job_ids, p_lock_tokens, p_delays) AS o (job_id, lock_token, delay)
        WHERE take_lock(o.job_id, o.lock_token)
    ), suspended AS (
        UPDATE job_queue j
        SET status = CASE WHEN j.cancel_requested_at IS NULL THEN 'pending' ELSE 'cancelled' END,
            started_at = CASE WHEN j.cancel_requested_at IS NULL THEN NULL ELSE j.started_at END,
            waits_for = CASE WHEN j.cancel_requested_at IS NULL AND open.an_event THEN 'event' END,
            scheduled_at = coalesce(
                open.first_end, clock_timestamp() + held.delay * interval '1 second',
                CASE WHEN open.an_event THEN timestamptz '9000-01-01 00:00Z' ELSE clock_timestamp() END)
        FROM held CROSS JOIN LATERAL (
            SELECT min(t.wake_at) AS first_end, bool_or(t.kind = 'event') AS an_event FROM job_tasks t
            WHERE t.job_id = held.job_id AND t.kind IN ('sleep', 'event') AND t.status = 'processing'
        ) open
        WHERE j.id = held.job_id AND j.status IS NOT DISTINCT FROM 'processing'
        RETURNING j.id
    )
    SELECT array_agg(suspended.id) INTO v_ids FROM suspended;
    -- A statement of its own, which sees what was sent while the job's row was waited for.
    UPDATE job_queue j SET waits_for = NULL, scheduled_at = clock_timestamp()
    WHERE j.id = ANY (v_ids) AND j.status IS NOT DISTINCT FROM 'pending' AND j.waits_for = 'event'
      AND EXISTS (
        SELECT FROM job_tasks t JOIN job_events e ON e.job_id = t.job_id AND e.name = t.name AND e.task_id IS NULL
        WHERE t.job_id = j.id AND t.kind = 'event' AND t.status = 'processing'
      );
    RETURN QUERY SELECT unnest(v_ids);
END $$

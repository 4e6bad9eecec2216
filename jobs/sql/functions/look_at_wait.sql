-- Begins a sleep or a wait for an event, or looks whether it is over, if the lock token still matches; gives no row
-- otherwise. A wait begins once: its end is reckoned from then, by this clock alone. The oldest event of the name is
-- taken by the task in the same breath as it is remembered; one that came in time counts even if it is looked at late.
CREATE FUNCTION look_at_wait(
    p_job_id uuid, p_lock_token bigint, p_position integer, p_kind text, p_name text, p_payload jsonb,
    p_seconds double precision, p_until timestamptz, p_timed_out text
) RETURNS TABLE (status text, result text, seconds_left double precision)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_task uuid;
    v_wake_at timestamptz;
    v_event jsonb;
    v_now timestamptz := clock_timestamp();
BEGIN
    PERFORM FROM job_processing_locks l WHERE l.job_id = p_job_id AND l.lock_token = p_lock_token FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT t.id, t.wake_at INTO v_task, v_wake_at FROM job_tasks t
    WHERE t.job_id = p_job_id AND t.place = p_position * 4294967296 AND t.kind = p_kind AND t.name = p_name
      AND t.status = 'processing';
    IF NOT FOUND THEN
        v_wake_at := coalesce(p_until, v_now + p_seconds * interval '1 second');
        INSERT INTO job_tasks AS t (job_id, position, kind, name, status, payload, attempt, started_at, wake_at)
        VALUES (p_job_id, p_position, p_kind, p_name, 'processing', p_payload, 1, v_now, v_wake_at)
        ON CONFLICT (job_id, place) DO UPDATE
        SET kind = excluded.kind, name = excluded.name, status = excluded.status, payload = excluded.payload,
            fingerprint = NULL, attempt = t.attempt + 1, result = NULL, error_class = NULL, error_message = NULL,
            started_at = excluded.started_at, completed_at = NULL, wake_at = excluded.wake_at
        RETURNING t.id INTO v_task;
    END IF;
    IF p_kind = 'event' THEN
        UPDATE job_events e SET task_id = v_task
        WHERE e.id = (
            SELECT n.id FROM job_events n WHERE n.job_id = p_job_id AND n.name = p_name AND n.task_id IS NULL
            ORDER BY n.number LIMIT 1 FOR UPDATE SKIP LOCKED
        ) RETURNING e.payload INTO v_event;
    END IF;
    RETURN QUERY
    UPDATE job_tasks t
    SET status = CASE WHEN v_event IS NOT NULL THEN 'completed' WHEN v_wake_at > v_now OR v_wake_at IS NULL THEN 'processing'
                      WHEN p_kind = 'event' THEN 'failed' ELSE 'completed' END,
        result = v_event,
        completed_at = CASE WHEN v_event IS NOT NULL OR v_wake_at <= v_now THEN v_now END,
        error_class = CASE WHEN v_event IS NULL AND p_kind = 'event' AND v_wake_at <= v_now THEN 'EventTimeout' END,
        error_message = CASE WHEN v_event IS NULL AND p_kind = 'event' AND v_wake_at <= v_now THEN p_timed_out END
    WHERE t.id = v_task
    RETURNING t.status, t.result::text, extract(epoch FROM t.wake_at - v_now)::double precision;
END $$

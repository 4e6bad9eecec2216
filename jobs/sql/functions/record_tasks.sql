-- Writes tasks of one job, begun or ended, if the lock token still matches; tells whether it did. The lock's row is
-- held until the commit, so that nobody else gets the job in between. Times are how long ago it was, in seconds, by
-- the worker's monotonic clock: the database's clock makes moments of them.
-- What has merely begun need not be on disk when the work begins (p_durable false): lost, it begins again.
CREATE FUNCTION record_tasks(
    p_job_id uuid, p_lock_token bigint, p_durable boolean, p_positions integer[], p_items integer[], p_kinds text[],
    p_names text[], p_statuses text[], p_payloads jsonb[], p_fingerprints bigint[], p_attempts integer[],
    p_results jsonb[], p_error_classes text[], p_error_messages text[], p_begun_ago double precision[],
    p_ended_ago double precision[]
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    IF NOT p_durable THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    PERFORM FROM job_processing_locks l WHERE l.job_id = p_job_id AND l.lock_token = p_lock_token FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO job_tasks AS t (
        job_id, position, item, kind, name, status, payload, fingerprint, attempt, result, error_class, error_message,
        started_at, completed_at
    )
    SELECT p_job_id, o.position, o.item, o.kind, o.name, o.status, o.payload, o.fingerprint, o.attempt, o.result,
           o.error_class, o.error_message, v_now - o.begun_ago * interval '1 second',
           v_now - o.ended_ago * interval '1 second'
    FROM unnest(
        p_positions, p_items, p_kinds, p_names, p_statuses, p_payloads, p_fingerprints, p_attempts, p_results,
        p_error_classes, p_error_messages, p_begun_ago, p_ended_ago
    ) AS o (
        position, item, kind, name, status, payload, fingerprint, attempt, result, error_class, error_message,
        begun_ago, ended_ago
    )
    ON CONFLICT (job_id, place) DO UPDATE
    SET kind = excluded.kind, name = excluded.name, status = excluded.status, payload = excluded.payload,
        fingerprint = excluded.fingerprint, attempt = excluded.attempt, result = excluded.result,
        error_class = excluded.error_class, error_message = excluded.error_message,
        started_at = excluded.started_at, completed_at = excluded.completed_at, wake_at = NULL;
    RETURN true;
END $$

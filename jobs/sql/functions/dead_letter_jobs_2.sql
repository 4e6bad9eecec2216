-- Gives up on jobs whose lock token still matches: each becomes a dead letter with all its errors, and with the worker that
-- had it, as the statement's snapshot still shows the lock that take_lock() takes away.
-- A job that someone asked to cancel is cancelled instead: nobody waits for it any more.
CREATE OR REPLACE FUNCTION dead_letter_jobs(p_job_ids uuid[], p_lock_tokens bigint[], p_errors jsonb[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT o.job_id, o.error, l.worker_id
        FROM unnest(p_job_ids, p_lock_tokens, p_errors) AS o (job_id, lock_token, error)
        LEFT JOIN LATERAL (SELECT k.worker_id FROM job_processing_locks k WHERE k.job_id = o.job_id) l ON true
        WHERE take_lock(o.job_id, o.lock_token)
    ), ended AS (
        UPDATE job_queue j
        SET status = CASE WHEN j.cancel_requested_at IS NULL THEN 'dead_letter' ELSE 'cancelled' END,
            failed_at = CASE WHEN j.cancel_requested_at IS NULL THEN clock_timestamp() END,
            error_message = held.error->>'message',
            error_details = held.error,
            error_history = (j.error_history || held.error)[greatest(1, cardinality(j.error_history) - 48):]
        FROM held
        WHERE j.id = held.job_id AND j.status IS NOT DISTINCT FROM 'processing'
        RETURNING j.id, j.status, j.job_type, j.payload, j.error_history, held.error, held.worker_id
    ), moved AS (
        INSERT INTO job_dead_letter_queue
            (original_job_id, job_type, payload, error_history, error_class, error_message, error_fingerprint, worker)
        SELECT e.id, e.job_type, e.payload, e.error_history, coalesce(e.error->>'error_class', ''),
               coalesce(e.error->>'message', ''), error_fingerprint(e.job_type, e.error), coalesce(e.worker_id, '')
        FROM ended e WHERE e.status = 'dead_letter'
    )
    SELECT e.id FROM ended e;
END $$

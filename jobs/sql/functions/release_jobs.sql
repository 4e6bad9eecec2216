-- Gives back jobs that were claimed and never started: pending at once, the attempt not counted.
CREATE OR REPLACE FUNCTION release_jobs(p_job_ids uuid[], p_lock_tokens bigint[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT o.job_id FROM unnest(p_job_ids, p_lock_tokens) AS o (job_id, lock_token)
        WHERE take_lock(o.job_id, o.lock_token)
    )
    UPDATE job_queue j
    SET status = CASE WHEN j.cancel_requested_at IS NULL THEN 'pending' ELSE 'cancelled' END,
        started_at = NULL, attempt = greatest(0, j.attempt - 1)
    FROM held
    WHERE j.id = held.job_id AND j.status IS NOT DISTINCT FROM 'processing'
    RETURNING j.id;
END $$

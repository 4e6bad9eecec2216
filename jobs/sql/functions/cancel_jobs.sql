-- Ends jobs whose handler stopped because someone asked to cancel them.
CREATE OR REPLACE FUNCTION cancel_jobs(p_job_ids uuid[], p_lock_tokens bigint[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH held AS (
        DELETE FROM job_processing_locks l
        USING unnest(p_job_ids, p_lock_tokens) AS o (job_id, lock_token)
        WHERE l.job_id = o.job_id AND l.lock_token = o.lock_token
        RETURNING l.job_id
    )
    UPDATE job_queue j
    SET status = 'cancelled', cancel_requested_at = coalesce(j.cancel_requested_at, clock_timestamp())
    FROM held
    WHERE j.id = held.job_id AND j.status IS NOT DISTINCT FROM 'processing'
    RETURNING j.id;
END $$

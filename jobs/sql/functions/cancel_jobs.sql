-- Ends jobs whose handler stopped because someone asked to cancel them.
CREATE OR REPLACE FUNCTION cancel_jobs(p_job_ids uuid[], p_lock_tokens bigint[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT o.job_id FROM unnest(p_job_ids, p_lock_tokens) AS o (job_id, lock_token)
        WHERE take_lock(o.job_id, o.lock_token)
    )
    UPDATE job_queue j
    SET status = 'cancelled', cancel_requested_at = coalesce(j.cancel_requested_at, clock_timestamp())
    FROM held
    WHERE j.id = held.job_id AND j.status IS NOT DISTINCT FROM 'processing'
    RETURNING j.id;
END $$

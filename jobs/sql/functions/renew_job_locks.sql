-- Moves the end of locks that are still held; gives back their jobs. A job that is missing was lost.
CREATE OR REPLACE FUNCTION renew_job_locks(p_job_ids uuid[], p_lock_tokens bigint[], p_lock_duration interval)
RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    UPDATE job_processing_locks l
    SET expires_at = clock_timestamp() + p_lock_duration
    FROM unnest(p_job_ids, p_lock_tokens) AS o (job_id, lock_token)
    WHERE l.job_id = o.job_id AND l.lock_token = o.lock_token
    RETURNING l.job_id;
END $$

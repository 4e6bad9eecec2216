-- Records results of the jobs whose lock token still matches, and gives back their ids; the others
-- belong to another worker by now and stay as they are. One plan only: see start_jobs.
CREATE OR REPLACE FUNCTION complete_jobs(p_job_ids uuid[], p_lock_tokens bigint[], p_results jsonb[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT o.job_id, o.result FROM unnest(p_job_ids, p_lock_tokens, p_results) AS o (job_id, lock_token, result)
        WHERE take_lock(o.job_id, o.lock_token)
    )
    UPDATE job_queue j
    SET status = 'completed', completed_at = clock_timestamp(), result = held.result, progress = 100,
        error_message = NULL, error_details = NULL
    FROM held
    WHERE j.id = held.job_id AND j.status IS NOT DISTINCT FROM 'processing'
    RETURNING j.id;
END $$

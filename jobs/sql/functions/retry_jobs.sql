-- Puts jobs whose lock token still matches back to pending, p_delays seconds from now; a retry is used up
-- where p_charged says so. A job that someone asked to cancel ends here instead. Histories keep 50 errors.
CREATE OR REPLACE FUNCTION retry_jobs(
    p_job_ids uuid[], p_lock_tokens bigint[], p_delays double precision[], p_errors jsonb[], p_charged boolean[]
) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH held AS MATERIALIZED (
        SELECT o.job_id, o.delay, o.error, o.charged FROM unnest(p_job_ids, p_lock_tokens, p_delays, p_errors, p_charged) AS o (job_id, lock_token, delay, error, charged)
        WHERE take_lock(o.job_id, o.lock_token)
    )
    UPDATE job_queue j
    SET status = CASE WHEN j.cancel_requested_at IS NULL THEN 'pending' ELSE 'cancelled' END,
        started_at = CASE WHEN j.cancel_requested_at IS NULL THEN NULL ELSE j.started_at END,
        scheduled_at = clock_timestamp() + held.delay * interval '1 second',
        retry_count = j.retry_count + held.charged::integer,
        error_message = coalesce(held.error->>'message', j.error_message),
        error_details = coalesce(held.error, j.error_details),
        error_history = CASE WHEN held.error IS NULL THEN j.error_history
            ELSE (j.error_history || held.error)[greatest(1, cardinality(j.error_history) - 48):] END
    FROM held
    WHERE j.id = held.job_id AND j.status IS NOT DISTINCT FROM 'processing'
    RETURNING j.id;
END $$

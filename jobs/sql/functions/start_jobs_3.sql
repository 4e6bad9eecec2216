-- Starts jobs whose rows the caller has locked FOR UPDATE: counts the attempt and takes out the lock.
-- The lock row of an earlier, expired holder is replaced, never a reason to fail.
-- A job that has never started and is past its expires_at is cancelled instead; it comes back without a lock token.
-- The lock keeps the job's concurrency key, by which running jobs of a key are counted, and with p_limited its queue.
-- Written for one plan only, rows by primary key, whatever the statistics say of a table that fills and
-- empties all day: no sequential scans, a status test that matches no partial index (such an index looks
-- empty to the planner, and cheap), and no join of intermediate results.
-- `waited` is how many seconds the job was due before this.
CREATE FUNCTION start_jobs(
    p_job_ids uuid[], p_worker_id text, p_lock_duration interval, p_limited boolean DEFAULT false
) RETURNS TABLE (
    job_id uuid, job_type text, queue text, priority integer, payload jsonb, attempt integer,
    retry_count integer, max_retries integer, timeout double precision, scheduled_at timestamptz, lock_token bigint,
    user_id uuid, request_id text, waited double precision, concurrency_key text, has_followers boolean
)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    WITH taken AS (
        UPDATE job_queue j
        SET status = CASE WHEN j.expires_at <= v_now AND j.attempt = 0 THEN 'cancelled' ELSE 'processing' END,
            started_at = CASE WHEN j.expires_at <= v_now AND j.attempt = 0 THEN NULL ELSE clock_timestamp() END,
            attempt = j.attempt + CASE WHEN j.expires_at <= v_now AND j.attempt = 0 THEN 0 ELSE 1 END,
            cancel_requested_at = CASE WHEN j.expires_at <= v_now AND j.attempt = 0 THEN v_now ELSE j.cancel_requested_at END,
            error_message = CASE WHEN j.expires_at <= v_now AND j.attempt = 0 THEN expired_message(j.expires_at) ELSE j.error_message END,
            progress = 0, progress_message = ''
        WHERE j.id = ANY (p_job_ids) AND j.status IS NOT DISTINCT FROM 'pending'
        RETURNING j.id, j.job_type, j.queue, j.priority, j.payload, j.attempt, j.retry_count, j.max_retries, j.timeout,
                  j.scheduled_at, j.user_id, j.request_id, j.started_at, j.concurrency_key, j.has_followers,
                  CASE WHEN j.status = 'processing' THEN nextval('job_lock_token_seq') END AS token
    ), locked AS (
        INSERT INTO job_processing_locks (job_id, worker_id, lock_token, expires_at, concurrency_key, limited_queue)
        SELECT t.id, p_worker_id, t.token, clock_timestamp() + p_lock_duration, t.concurrency_key,
               CASE WHEN p_limited THEN t.queue END
        FROM taken t WHERE t.token IS NOT NULL
        ON CONFLICT (job_id) DO UPDATE
        SET worker_id = excluded.worker_id, lock_token = excluded.lock_token,
            locked_at = excluded.locked_at, expires_at = excluded.expires_at,
            concurrency_key = excluded.concurrency_key, limited_queue = excluded.limited_queue
    )
    SELECT t.id, t.job_type, t.queue, t.priority, t.payload, t.attempt, t.retry_count, t.max_retries, t.timeout,
           t.scheduled_at, t.token, t.user_id, t.request_id,
           extract(epoch FROM t.started_at - t.scheduled_at)::double precision, t.concurrency_key, t.has_followers
    FROM taken t;
END $$

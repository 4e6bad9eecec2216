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
    v_started integer;
BEGIN
    RETURN QUERY
    WITH started AS (
        UPDATE job_queue j
        SET status = 'processing', started_at = clock_timestamp(), attempt = j.attempt + 1,
            progress = 0, progress_message = ''
        WHERE j.id = ANY (p_job_ids) AND j.status IS NOT DISTINCT FROM 'pending'
          AND (j.expires_at IS NULL OR j.expires_at > v_now OR j.attempt > 0)
        RETURNING j.id, j.job_type, j.queue, j.priority, j.payload, j.attempt, j.retry_count, j.max_retries, j.timeout,
                  j.scheduled_at, nextval('job_lock_token_seq') AS token, j.user_id, j.request_id, j.started_at,
                  j.concurrency_key, j.has_followers
    ), locked AS (
        INSERT INTO job_processing_locks (job_id, worker_id, lock_token, expires_at, concurrency_key, limited_queue)
        SELECT s.id, p_worker_id, s.token, clock_timestamp() + p_lock_duration, s.concurrency_key,
               CASE WHEN p_limited THEN s.queue END
        FROM started s
        ON CONFLICT (job_id) DO UPDATE
        SET worker_id = excluded.worker_id, lock_token = excluded.lock_token,
            locked_at = excluded.locked_at, expires_at = excluded.expires_at,
            concurrency_key = excluded.concurrency_key, limited_queue = excluded.limited_queue
    )
    SELECT s.id, s.job_type, s.queue, s.priority, s.payload, s.attempt, s.retry_count, s.max_retries, s.timeout,
           s.scheduled_at, s.token, s.user_id, s.request_id,
           extract(epoch FROM s.started_at - s.scheduled_at)::double precision, s.concurrency_key, s.has_followers
    FROM started s;
    GET DIAGNOSTICS v_started = ROW_COUNT;
    IF v_started = cardinality(p_job_ids) THEN
        RETURN;
    END IF;
    RETURN QUERY
    UPDATE job_queue j
    SET status = 'cancelled', cancel_requested_at = v_now, error_message = expired_message(j.expires_at)
    WHERE j.id = ANY (p_job_ids) AND j.status IS NOT DISTINCT FROM 'pending'
      AND j.expires_at <= v_now AND j.attempt = 0
    RETURNING j.id, j.job_type, j.queue, j.priority, j.payload, j.attempt, j.retry_count, j.max_retries, j.timeout,
              j.scheduled_at, NULL::bigint, j.user_id, j.request_id, NULL::double precision, j.concurrency_key,
              j.has_followers;
END $$

-- Starts jobs whose rows the caller has locked FOR UPDATE: counts the attempt and takes out the lock.
-- The lock row of an earlier, expired holder is replaced, never a reason to fail.
-- Written for one plan only, rows by primary key, whatever the statistics say of a table that fills and
-- empties all day: no sequential scans, a status test that matches no partial index (such an index looks
-- empty to the planner, and cheap), and no join of intermediate results.
-- `waited` is how many seconds the job was due before this.
CREATE FUNCTION start_jobs(p_job_ids uuid[], p_worker_id text, p_lock_duration interval)
RETURNS TABLE (
    job_id uuid, job_type text, queue text, priority integer, payload jsonb, attempt integer,
    retry_count integer, max_retries integer, timeout double precision, scheduled_at timestamptz, lock_token bigint,
    user_id uuid, request_id text, waited double precision
)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH started AS (
        UPDATE job_queue j
        SET status = 'processing', started_at = clock_timestamp(), attempt = j.attempt + 1,
            progress = 0, progress_message = ''
        WHERE j.id = ANY (p_job_ids) AND j.status IS NOT DISTINCT FROM 'pending'
        RETURNING j.id, j.job_type, j.queue, j.priority, j.payload, j.attempt, j.retry_count, j.max_retries, j.timeout,
                  j.scheduled_at, nextval('job_lock_token_seq') AS token, j.user_id, j.request_id, j.started_at
    ), locked AS (
        INSERT INTO job_processing_locks (job_id, worker_id, lock_token, expires_at)
        SELECT s.id, p_worker_id, s.token, clock_timestamp() + p_lock_duration FROM started s
        ON CONFLICT (job_id) DO UPDATE
        SET worker_id = excluded.worker_id, lock_token = excluded.lock_token,
            locked_at = excluded.locked_at, expires_at = excluded.expires_at
    )
    SELECT s.id, s.job_type, s.queue, s.priority, s.payload, s.attempt, s.retry_count, s.max_retries, s.timeout,
           s.scheduled_at, s.token, s.user_id, s.request_id,
           extract(epoch FROM s.started_at - s.scheduled_at)::double precision
    FROM started s;
END $$

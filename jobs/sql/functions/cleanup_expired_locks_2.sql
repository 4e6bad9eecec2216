-- Rescues jobs of lost workers: locks past their end and, with p_silence, locks of registered workers not heard
-- of for so long. A rescue uses up a retry, so a payload that kills its workers ends as a dead letter.
-- Gives the number of jobs rescued, at most p_limit; several callers at once share the work. What is rescued is counted
-- for /metrics, whoever calls.
CREATE OR REPLACE FUNCTION cleanup_expired_locks(p_silence interval DEFAULT NULL, p_limit integer DEFAULT 1000)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_lost record;
    v_rescued uuid[];
BEGIN
    -- A processing job without a lock row was orphaned by hand; give it one that has already run out.
    INSERT INTO job_processing_locks (job_id, worker_id, expires_at)
    SELECT j.id, 'nobody', 'epoch' FROM job_queue j
    WHERE j.status = 'processing' AND j.started_at < clock_timestamp() - interval '10 seconds'
      AND NOT EXISTS (SELECT FROM job_processing_locks l WHERE l.job_id = j.id)
    LIMIT p_limit
    ON CONFLICT (job_id) DO NOTHING;

    WITH lost AS MATERIALIZED (
        SELECT l.job_id, l.lock_token, l.worker_id FROM job_processing_locks l
        WHERE l.expires_at < clock_timestamp()
           OR l.worker_id IN (SELECT w.id FROM job_workers w
                              WHERE w.stopped_at IS NULL AND w.heartbeat_at < clock_timestamp() - p_silence)
        LIMIT p_limit
        FOR UPDATE OF l SKIP LOCKED
    ), judged AS (
        SELECT lost.job_id, lost.lock_token, j.retry_count, j.retry_count < j.max_retries AS retryable,
               jsonb_build_object(
                   'error_class', 'LostWorker', 'kind', 'lost_worker', 'attempt', j.attempt, 'at', clock_timestamp(),
                   'worker', lost.worker_id, 'message', 'The worker was lost before it recorded an outcome.') AS error
        FROM lost JOIN job_queue j ON j.id = lost.job_id AND j.status = 'processing'
    ), gone AS (
        -- A lock whose job is not being processed guards nothing.
        DELETE FROM job_processing_locks l USING lost
        WHERE l.job_id = lost.job_id AND l.lock_token = lost.lock_token
          AND NOT EXISTS (SELECT FROM judged WHERE judged.job_id = lost.job_id)
    )
    SELECT array_agg(job_id) FILTER (WHERE retryable) AS retry_ids,
           array_agg(lock_token) FILTER (WHERE retryable) AS retry_tokens,
           array_agg(power(2, least(retry_count, 16))) FILTER (WHERE retryable) AS delays,
           array_agg(error) FILTER (WHERE retryable) AS retry_errors,
           array_agg(true) FILTER (WHERE retryable) AS charged,
           array_agg(job_id) FILTER (WHERE NOT retryable) AS dead_ids,
           array_agg(lock_token) FILTER (WHERE NOT retryable) AS dead_tokens,
           array_agg(error) FILTER (WHERE NOT retryable) AS dead_errors
    INTO v_lost FROM judged;

    SELECT array_agg(r.id) INTO v_rescued FROM (
        SELECT retry_jobs(v_lost.retry_ids, v_lost.retry_tokens, v_lost.delays, v_lost.retry_errors, v_lost.charged) AS id
        UNION ALL
        SELECT dead_letter_jobs(v_lost.dead_ids, v_lost.dead_tokens, v_lost.dead_errors)
    ) r;
    IF v_rescued IS NULL THEN
        RETURN 0;
    END IF;
    BEGIN
        INSERT INTO job_event_counts (name, queue, job_type, count)
        SELECT 'rescued', j.queue, j.job_type, count(*) FROM job_queue j WHERE j.id = ANY (v_rescued)
        GROUP BY j.queue, j.job_type;
    EXCEPTION WHEN insufficient_privilege THEN
        -- A role of the site's own that rescues without a right to count: the jobs matter, the count does not.
        RAISE NOTICE 'rescued % jobs that /metrics will not count: no INSERT on job_event_counts', cardinality(v_rescued);
    END;
    RETURN cardinality(v_rescued);
END $$

-- Claims up to p_batch_size due jobs of the given types (NULL: of any) for a worker in any language.
-- Queues are looked at in the order of their most urgent job, so that each scan follows the claim index.
CREATE OR REPLACE FUNCTION acquire_job_lock(
    p_worker_id text, p_job_types text[], p_lock_duration interval DEFAULT '5 minutes',
    p_batch_size integer DEFAULT 1, p_queues text[] DEFAULT NULL
) RETURNS TABLE (
    job_id uuid, job_type text, priority integer, payload jsonb, lock_token bigint, attempt integer,
    retry_count integer, max_retries integer, queue text, timeout double precision, user_id uuid, request_id text, waited double precision
) LANGUAGE plpgsql SET enable_sort = off AS $$
#variable_conflict use_column
DECLARE
    v_queue text;
    v_ids uuid[] := '{}';
    v_more uuid[];
BEGIN
    FOR v_queue IN
        WITH RECURSIVE lanes AS (
            (SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL ORDER BY j.queue LIMIT 1)
            UNION ALL
            SELECT n.queue FROM lanes l CROSS JOIN LATERAL (
                SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL AND j.queue > l.queue ORDER BY j.queue LIMIT 1
            ) n
        )
        SELECT l.queue FROM lanes l CROSS JOIN LATERAL (
            SELECT j.priority, j.scheduled_at FROM job_queue j
            WHERE j.queue = l.queue AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL ORDER BY j.priority DESC, j.scheduled_at LIMIT 1
        ) head
        WHERE (p_queues IS NULL OR l.queue = ANY (p_queues))
          AND NOT EXISTS (SELECT FROM job_queues q WHERE q.name = l.queue AND q.paused)
        ORDER BY head.priority DESC, head.scheduled_at
    LOOP
        SELECT array_agg(due.id) INTO v_more FROM (
            SELECT j.id FROM job_queue j
            WHERE j.queue = v_queue AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL AND j.scheduled_at <= statement_timestamp()
              AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
            ORDER BY j.priority DESC, j.scheduled_at, j.id
            LIMIT p_batch_size - cardinality(v_ids)
            FOR UPDATE SKIP LOCKED
        ) due;
        v_ids := v_ids || coalesce(v_more, '{}');
        EXIT WHEN cardinality(v_ids) >= p_batch_size;
    END LOOP;
    RETURN QUERY
    SELECT s.job_id, s.job_type, s.priority, s.payload, s.lock_token, s.attempt, s.retry_count, s.max_retries, s.queue, s.timeout,
           s.user_id, s.request_id, s.waited
    FROM start_jobs(v_ids, p_worker_id, p_lock_duration) s
    WHERE s.lock_token IS NOT NULL
    ORDER BY s.priority DESC, s.scheduled_at, s.job_id;
END $$

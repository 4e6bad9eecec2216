-- Submits a job from SQL: part of the caller's transaction; workers are woken when it commits.
-- Jobs of one concurrency key share its limits: one of them runs at a time unless p_concurrency_limit or p_rate_limit
-- ('60/m') say otherwise. In a fair queue all jobs from SQL share the turn of those who have no owner.
-- p_traceparent is the W3C trace context that the job belongs to ('00-…-…-01'); one that is none is left out.
-- With a unique key that another job of the type holds, an unfinished one as a rule, gives that job's id and adds nothing.
CREATE FUNCTION enqueue_job(
    p_job_type text, p_payload jsonb DEFAULT '{}', p_queue text DEFAULT 'default', p_priority integer DEFAULT 5,
    p_scheduled_at timestamptz DEFAULT NULL, p_max_retries integer DEFAULT 3, p_unique_key text DEFAULT NULL,
    p_timeout double precision DEFAULT NULL, p_metadata jsonb DEFAULT '{}', p_tags text[] DEFAULT '{}',
    p_concurrency_key text DEFAULT NULL, p_concurrency_limit integer DEFAULT NULL, p_rate_limit text DEFAULT NULL,
    p_expires_at timestamptz DEFAULT NULL, p_traceparent text DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    v_id uuid;
    v_lane_key text;
BEGIN
    IF EXISTS (SELECT FROM job_queues q WHERE q.name = p_queue AND q.fair) THEN
        v_lane_key := 'u:-' || coalesce('/k:' || p_concurrency_key, '');
    END IF;
    LOOP
        INSERT INTO job_queue (job_type, payload, queue, priority, scheduled_at, max_retries, unique_key, timeout, metadata, tags,
                               concurrency_key, concurrency_limit, rate_limit, expires_at, lane_key, traceparent)
        VALUES (p_job_type, p_payload, p_queue, p_priority, coalesce(p_scheduled_at, clock_timestamp()), p_max_retries,
                p_unique_key, p_timeout, p_metadata, p_tags, p_concurrency_key,
                coalesce(p_concurrency_limit, CASE WHEN p_concurrency_key IS NOT NULL AND p_rate_limit IS NULL THEN 1 END),
                p_rate_limit, p_expires_at, v_lane_key,
                CASE WHEN p_traceparent ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
                          AND p_traceparent !~ '^00-(0{32}-|.{32}-0{16})' THEN p_traceparent END)
        ON CONFLICT (job_type, unique_key, user_id)
            WHERE unique_key IS NOT NULL AND (status = ANY (COALESCE(unique_states, ARRAY['pending', 'processing']))) DO NOTHING
        RETURNING id INTO v_id;
        EXIT WHEN v_id IS NOT NULL;
        -- A holder whose time is over loses the key.
        UPDATE job_queue j SET unique_states = '{}'
        WHERE j.job_type = p_job_type AND j.unique_key = p_unique_key AND j.user_id IS NULL
          AND (j.status = ANY (COALESCE(j.unique_states, ARRAY['pending', 'processing'])))
          AND j.unique_until <= clock_timestamp();
        CONTINUE WHEN FOUND;
        SELECT j.id INTO v_id FROM job_queue j
        WHERE j.job_type = p_job_type AND j.unique_key = p_unique_key AND j.user_id IS NULL
          AND (j.status = ANY (COALESCE(j.unique_states, ARRAY['pending', 'processing'])));
        EXIT WHEN v_id IS NOT NULL;  -- else it finished in between: try the insert again
    END LOOP;
    PERFORM pg_notify('ekiden_jobs', p_queue || ':' || p_priority);
    RETURN v_id;
END $$

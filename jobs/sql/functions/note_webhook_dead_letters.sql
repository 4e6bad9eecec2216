-- Writes down which dead letters were opened, opened again or settled: see note_webhook_job_ends. Of the jobs it reads
-- those that the letters are of, whatever the planner makes of tables that it knows nothing about.
CREATE FUNCTION note_webhook_dead_letters() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_moved uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(c.id) INTO v_moved FROM changed c WHERE c.resolution_status = 'open';
    ELSE
        -- Not by a join of the two, which would take the square of a million.
        SELECT array_agg(m.id) INTO v_moved FROM (
            SELECT c.id, c.resolution_status FROM changed c
            WHERE c.resolution_status IN ('open', 'redriven', 'resolved', 'discarded')
            EXCEPT SELECT b.id, b.resolution_status FROM before b
            -- Looked at, or left alone for a while: it was open all the time.
            EXCEPT SELECT b.id, 'open' FROM before b WHERE b.resolution_status NOT IN ('redriven', 'resolved', 'discarded')
        ) m;
    END IF;
    INSERT INTO job_webhook_events (type, user_id, job_type, queue, data)
    SELECT e.type, j.user_id, j.job_type, j.queue, jsonb_strip_nulls(jsonb_build_object(
               'dead_letter_id', c.id, 'job_id', j.id, 'type', j.job_type, 'resolution', c.resolution_status,
               'queue', j.queue, 'tags', j.tags, 'error_class', left(c.error_class, 200),
               'fingerprint', c.error_fingerprint, 'moved_at', c.moved_at, 'resolved_at', c.resolved_at
           ))
    FROM unnest(v_moved) AS m (id)
    JOIN job_dead_letter_queue c ON c.id = m.id
    JOIN job_queue j ON j.id = c.original_job_id
    CROSS JOIN LATERAL (
        SELECT 'dead_letter.' || CASE c.resolution_status WHEN 'open' THEN 'opened' ELSE c.resolution_status END AS type
    ) e
    WHERE j.job_type <> 'deliver_webhook' AND webhook_event_wanted(e.type, j.user_id, j.job_type, j.queue);
    RETURN NULL;
END $$

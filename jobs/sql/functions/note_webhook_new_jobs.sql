-- Writes down which jobs came in: see note_webhook_job_ends.
CREATE FUNCTION note_webhook_new_jobs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO job_webhook_events (type, user_id, job_type, queue, data)
    SELECT 'job.created', c.user_id, c.job_type, c.queue, jsonb_strip_nulls(jsonb_build_object(
               'job_id', c.id, 'type', c.job_type, 'status', c.status, 'queue', c.queue, 'priority', c.priority,
               'tags', c.tags, 'batch_id', c.batch_id, 'parent_id', c.parent_id, 'schedule_id', c.schedule_id,
               'request_id', c.request_id, 'created_at', c.created_at
           ))
    FROM changed c
    WHERE c.job_type <> 'deliver_webhook' AND webhook_event_wanted('job.created', c.user_id, c.job_type, c.queue);
    RETURN NULL;
END $$

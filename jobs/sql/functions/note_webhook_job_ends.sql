-- Writes down which jobs began or ended, for the endpoints that want to know, in the transaction of what happened.
-- Once for each statement: outcomes are written by the hundred. With its owner's rights: whoever ends a job need not be
-- let into the endpoints of others. The trigger that calls this is there only while an endpoint wants it: see
-- switch_webhook_events. What delivers webhooks is not told of, or it would never come to an end. What is told is what
-- the job is and what it came to, never what it was given or what it gave.
CREATE FUNCTION note_webhook_job_ends() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO job_webhook_events (type, user_id, job_type, queue, data)
    SELECT e.type, c.user_id, c.job_type, c.queue, jsonb_strip_nulls(jsonb_build_object(
               'job_id', c.id, 'type', c.job_type, 'status', c.status, 'queue', c.queue, 'priority', c.priority,
               'tags', c.tags, 'attempt', c.attempt, 'batch_id', c.batch_id, 'parent_id', c.parent_id,
               'schedule_id', c.schedule_id, 'request_id', c.request_id, 'created_at', c.created_at,
               'started_at', c.started_at, 'ended_at', coalesce(c.completed_at, c.failed_at),
               'error_class', left(c.error_details->>'error_class', 200)
           ))
    FROM changed c JOIN before b ON b.id = c.id
    CROSS JOIN LATERAL (
        SELECT 'job.' || CASE c.status WHEN 'processing' THEN 'started' ELSE c.status END AS type
    ) e
    WHERE c.status <> b.status AND c.status <> 'pending' AND c.job_type <> 'deliver_webhook'
      AND webhook_event_wanted(e.type, c.user_id, c.job_type, c.queue);
    RETURN NULL;
END $$

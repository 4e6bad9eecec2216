-- Writes down that a queue was paused or goes on: see note_webhook_job_ends.
CREATE FUNCTION note_webhook_queues() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    v_type text := CASE WHEN NEW.paused THEN 'queue.paused' ELSE 'queue.resumed' END;
BEGIN
    IF NEW.paused IS DISTINCT FROM (CASE WHEN TG_OP = 'UPDATE' THEN OLD.paused ELSE false END)
       AND webhook_event_wanted(v_type, NULL, '', NEW.name) THEN
        INSERT INTO job_webhook_events (type, queue, data)
        VALUES (v_type, NEW.name, jsonb_build_object('queue', NEW.name, 'paused', NEW.paused));
    END IF;
    RETURN NULL;
END $$

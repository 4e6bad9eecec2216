-- Writes down what is known of a death while it is known: where and under which version the job died, whose it was, and
-- how often it has died by now. A job that was redriven before keeps who looks after it, and the ticket.
-- With its owner's rights, for workers of other languages that may not read who works and what is registered.
CREATE FUNCTION describe_dead_letter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    v_job record;
    v_before record;
BEGIN
    SELECT j.queue, j.user_id, j.redriven INTO v_job FROM job_queue j WHERE j.id = NEW.original_job_id;
    IF NOT FOUND THEN
        RETURN NEW;
    END IF;
    NEW.queue := v_job.queue;
    NEW.user_id := v_job.user_id;
    NEW.version := concat_ws(' @ ',
        (SELECT nullif(f.version, '') FROM meta.functions f
         WHERE f.language_title IN ('python-' || NEW.job_type, NEW.job_type) ORDER BY f.language_title DESC LIMIT 1),
        (SELECT nullif(w.release, '') FROM job_workers w WHERE w.id = NEW.worker));
    IF v_job.redriven THEN
        SELECT d.occurrence, d.assignee_id, d.ticket INTO v_before FROM job_dead_letter_queue d
        WHERE d.original_job_id = NEW.original_job_id ORDER BY d.occurrence DESC, d.id DESC LIMIT 1;
        IF FOUND THEN
            NEW.occurrence := v_before.occurrence + 1;
            NEW.assignee_id := coalesce(NEW.assignee_id, v_before.assignee_id);
            NEW.ticket := v_before.ticket;
        END IF;
    END IF;
    RETURN NEW;
END $$

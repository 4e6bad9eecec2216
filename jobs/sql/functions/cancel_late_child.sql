-- Cancels a job that is submitted as the child of a cancelled one. Its owner may not be allowed to see the parent.
CREATE FUNCTION cancel_late_child() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM job_queue p WHERE p.id = NEW.parent_id AND p.status IS NOT DISTINCT FROM 'cancelled') THEN
        NEW.status := 'cancelled';
        NEW.cancel_requested_at := clock_timestamp();
        NEW.error_message := format('Its parent, job %s, was cancelled.', NEW.parent_id);
        NEW.error_details := jsonb_build_object('error_class', 'ParentCancelled', 'kind', 'parent',
                                                'message', NEW.error_message, 'at', clock_timestamp());
    END IF;
    RETURN NEW;
END $$

-- Cancels what has not started of a job's children, and of theirs, when somebody cancels the job or asks it to stop;
-- and once more when it ends as cancelled, for the children it had meanwhile. Whoever owns them. One walk down the
-- whole tree, so it is as deep as it likes; the jobs cancelled by it do not fire this again.
CREATE FUNCTION cancel_children() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_words text := format('Its parent, job %s, was cancelled.', NEW.id);
BEGIN
    WITH RECURSIVE family AS (
        SELECT j.id FROM job_queue j WHERE j.parent_id = NEW.id
        UNION
        SELECT j.id FROM family f JOIN job_queue j ON j.parent_id = f.id
    ), unstarted AS (
        -- In the order of ids, as everywhere; a job that is being claimed just now is waited for, and left if it runs.
        SELECT j.id FROM family f JOIN job_queue j ON j.id = f.id
        WHERE j.status IS NOT DISTINCT FROM 'pending' ORDER BY j.id FOR NO KEY UPDATE OF j
    )
    UPDATE job_queue j SET status = 'cancelled', cancel_requested_at = clock_timestamp(), error_message = v_words,
        error_details = jsonb_build_object('error_class', 'ParentCancelled', 'kind', 'parent', 'message', v_words,
                                           'at', clock_timestamp())
    FROM unstarted u WHERE j.id = u.id;
    RETURN NULL;
END $$

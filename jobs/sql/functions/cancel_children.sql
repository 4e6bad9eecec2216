-- Cancels what has not started of a job's children, and of theirs, when somebody cancels the job or asks it to stop;
-- and once more when it ends as cancelled, for the children it had meanwhile. Whoever owns them. One walk down the
-- whole tree, so it is as deep as it likes; the jobs cancelled by it do not fire this again.
CREATE FUNCTION cancel_children() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_words text := format('Its parent, job %s, was cancelled.', NEW.id);
    v_family uuid[];
    v_unstarted uuid[];
BEGIN
    -- OFFSET 0 keeps each look an index scan of its own: a join could begin with all the children that there are.
    WITH RECURSIVE family AS (
        SELECT j.id FROM job_queue j WHERE j.parent_id = NEW.id
        UNION
        SELECT c.id FROM family f CROSS JOIN LATERAL (
            SELECT j.id FROM job_queue j WHERE j.parent_id = f.id OFFSET 0) c
    )
    SELECT array_agg(f.id) INTO v_family FROM family f;
    IF v_family IS NULL THEN
        RETURN NULL;
    END IF;
    -- In the order of ids, as everywhere; a job that is being claimed just now is waited for, and left if it runs.
    SELECT array_agg(l.id) INTO v_unstarted FROM (
        SELECT j.id FROM job_queue j WHERE j.id = ANY (v_family) AND j.status IS NOT DISTINCT FROM 'pending'
        ORDER BY j.id FOR NO KEY UPDATE) l;
    UPDATE job_queue j SET status = 'cancelled', cancel_requested_at = clock_timestamp(), error_message = v_words,
        error_details = jsonb_build_object('error_class', 'ParentCancelled', 'kind', 'parent', 'message', v_words,
                                           'at', clock_timestamp())
    WHERE j.id = ANY (v_unstarted) AND j.status IS NOT DISTINCT FROM 'pending';
    RETURN NULL;
END $$

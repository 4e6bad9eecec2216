-- Releases jobs whose dependencies are all met and cancels those that can never run, by the words that
-- settle_dependencies left; gives the queue and priority of each released job. Every word read is deleted; several
-- callers at once share them. It sees what was committed before it began, so the word of the dependency that was met
-- last finds all of them met.
CREATE OR REPLACE FUNCTION release_waiting_jobs(p_limit integer DEFAULT 1000)
RETURNS TABLE (queue text, priority integer) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_ids uuid[];
BEGIN
    WITH words AS (
        DELETE FROM job_release_checks c WHERE c.id IN (
            SELECT w.id FROM job_release_checks w ORDER BY w.id LIMIT p_limit FOR UPDATE SKIP LOCKED
        ) RETURNING c.job_id
    )
    SELECT array_agg(DISTINCT words.job_id) INTO v_ids FROM words;
    IF v_ids IS NULL THEN
        RETURN;
    END IF;
    -- A statement of its own: it must see what others committed while the words were being read.
    UPDATE job_queue j SET status = 'cancelled', cancel_requested_at = clock_timestamp()
    WHERE j.id = ANY (v_ids) AND j.status = 'pending' AND j.waits_for = 'jobs'
      AND EXISTS (SELECT FROM job_dependencies d WHERE d.job_id = j.id AND d.status = 'unmet');
    RETURN QUERY
    UPDATE job_queue j SET waits_for = NULL, scheduled_at = greatest(j.scheduled_at, clock_timestamp())
    WHERE j.id = ANY (v_ids) AND j.status = 'pending' AND j.waits_for = 'jobs'
      AND NOT EXISTS (SELECT FROM job_dependencies d WHERE d.job_id = j.id AND d.status = 'open')
    RETURNING j.queue, j.priority;
END $$

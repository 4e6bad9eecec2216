-- Cancels jobs that had not started by their expires_at, at most p_limit of them, and gives their number; several
-- callers at once share them. Those that wait for other jobs or an event are among them.
CREATE FUNCTION cancel_expired_jobs(p_limit integer DEFAULT 1000) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_ids uuid[];
    v_count integer;
BEGIN
    SELECT array_agg(late.id) INTO v_ids FROM (
        SELECT j.id FROM job_queue j
        WHERE j.status = 'pending' AND j.attempt = 0 AND j.expires_at IS NOT NULL
          AND j.expires_at <= statement_timestamp()
        ORDER BY j.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) late;
    IF v_ids IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE job_queue j
    SET status = 'cancelled', cancel_requested_at = clock_timestamp(), error_message = expired_message(j.expires_at)
    WHERE j.id = ANY (v_ids) AND j.status IS NOT DISTINCT FROM 'pending';
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

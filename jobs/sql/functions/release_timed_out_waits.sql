-- Lets jobs run again whose time for an event is over; gives the queue and priority of each.
CREATE FUNCTION release_timed_out_waits(p_limit integer DEFAULT 1000)
RETURNS TABLE (queue text, priority integer) LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    UPDATE job_queue j SET waits_for = NULL
    WHERE j.id = ANY (ARRAY(
        SELECT w.id FROM job_queue w
        WHERE w.status = 'pending' AND w.waits_for = 'event' AND w.scheduled_at <= statement_timestamp()
        ORDER BY w.scheduled_at, w.id LIMIT p_limit FOR UPDATE SKIP LOCKED
    )) AND j.status IS NOT DISTINCT FROM 'pending'
    RETURNING j.queue, j.priority;
END $$

-- Has the jobs that some have begun to wait for tell of their ends: whoever submits a dependent job takes no lock on
-- the jobs it depends on, because their workers would have to wait for that transaction. What has ended meanwhile is
-- settled here. Under its row's lock a job has either ended, visibly, or will find the dependency when it does.
-- Gives the waiting jobs some of whose dependencies are locked by others: they have to be asked about again.
CREATE FUNCTION follow_jobs(p_waiting uuid[]) RETURNS uuid[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_wanted uuid[];
    v_locked uuid[];
BEGIN
    SELECT array_agg(DISTINCT d.depends_on_id) INTO v_wanted
    FROM job_dependencies d WHERE d.job_id = ANY (p_waiting) AND d.status = 'open';
    IF v_wanted IS NULL THEN
        RETURN '{}';
    END IF;
    SELECT coalesce(array_agg(l.id), '{}') INTO v_locked FROM (
        SELECT j.id FROM job_queue j WHERE j.id = ANY (v_wanted) ORDER BY j.id FOR NO KEY UPDATE SKIP LOCKED) l;
    -- Those that are gone cannot be locked, and have to be settled too.
    v_locked := v_locked || ARRAY(
        SELECT w.id FROM unnest(v_wanted) AS w (id) WHERE NOT EXISTS (SELECT FROM job_queue j WHERE j.id = w.id));
    UPDATE job_queue j SET has_followers = true
    WHERE j.id = ANY (v_locked) AND NOT j.has_followers AND j.status IN ('pending', 'processing', 'dead_letter');
    UPDATE job_dependencies d
    SET status = dependency_status(d.condition, (SELECT j.status FROM job_queue j WHERE j.id = d.depends_on_id))
    WHERE d.job_id = ANY (p_waiting) AND d.status = 'open' AND d.depends_on_id = ANY (v_locked)
      AND dependency_status(d.condition, (SELECT j.status FROM job_queue j WHERE j.id = d.depends_on_id)) <> 'open';
    RETURN ARRAY(SELECT DISTINCT d.job_id FROM job_dependencies d
                 WHERE d.job_id = ANY (p_waiting) AND d.status = 'open' AND d.depends_on_id <> ALL (v_locked));
END $$

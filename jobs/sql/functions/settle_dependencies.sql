-- Tells the jobs that depend on one that it has ended: their dependency is met or cannot be met any more, and a word
-- is left for each, in a row of its own, so that a thousand jobs that end at once wait for nobody. Whoever looks for
-- work reads the words. A dead letter may be redriven yet: what needs its job completed goes on waiting.
-- Children of a cancelled job that have not started are cancelled with it. All of it, whoever owns the jobs.
CREATE OR REPLACE FUNCTION settle_dependencies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    WITH settled AS (
        UPDATE job_dependencies d
        SET status = CASE
            WHEN d.condition = 'ended' THEN 'met'
            WHEN (d.condition = 'completed') = (NEW.status = 'completed') THEN 'met'
            ELSE 'unmet' END
        WHERE d.depends_on_id = NEW.id AND d.status = 'open'
          AND NOT (d.condition = 'completed' AND NEW.status = 'dead_letter')
        RETURNING d.job_id
    )
    INSERT INTO job_release_checks (job_id) SELECT settled.job_id FROM settled;
    IF NEW.status = 'cancelled' THEN
        UPDATE job_queue j SET status = 'cancelled', cancel_requested_at = clock_timestamp()
        WHERE j.parent_id = NEW.id AND j.status = 'pending';
    END IF;
    RETURN NULL;
END $$

-- Tells the jobs that depend on one that it has ended: their dependency is met or cannot be met any more, and a word
-- is left for each, in a row of its own, so that a thousand jobs that end at once wait for nobody. Whoever looks for
-- work reads the words. All of it, whoever owns the jobs.
-- By the index of followers alone, whatever the statistics say: the plan is kept while the table fills, and the index of
-- what is open looks empty to the planner. So the test of the status is one that matches no partial index.
-- The worker that records an outcome looks by itself, if it knew at the claim that others follow the job. In all other
-- cases workers are told here: an act of a person, or followers that came while the job ran.
CREATE OR REPLACE FUNCTION settle_dependencies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_settled boolean;
    v_came_late boolean;
BEGIN
    WITH settled AS (
        UPDATE job_dependencies d SET status = dependency_status(d.condition, NEW.status)
        WHERE d.depends_on_id = NEW.id AND d.status IS NOT DISTINCT FROM 'open' AND dependency_status(d.condition, NEW.status) <> 'open'
        RETURNING d.job_id, d.status
    ), told AS (
        INSERT INTO job_release_checks (job_id, cause) SELECT s.job_id, s.status FROM settled s
    )
    -- Ids begin with their time of creation, in milliseconds.
    SELECT count(*) > 0, coalesce(bool_or(replace(s.job_id::text, '-', '')
           > lpad(to_hex((extract(epoch FROM NEW.started_at) * 1000)::bigint), 12, '0')), false)
    INTO v_settled, v_came_late FROM settled s;
    IF v_settled AND (v_came_late OR OLD.status <> 'processing') THEN
        PERFORM pg_notify('ekiden_jobs', NEW.queue || ':-1');
    END IF;
    RETURN NULL;
END $$

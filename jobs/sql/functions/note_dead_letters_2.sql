-- Counts dead letters that are made, and those that people settle, for /metrics: rows of their own, so that nobody
-- waits for anybody. With its owner's rights: whoever may make a dead letter need not be let into the counts.
-- A redriven letter that is resolved by its job's success was settled before.
CREATE OR REPLACE FUNCTION note_dead_letters() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO job_event_counts (name, job_type, count)
        SELECT 'dead_lettered', c.job_type, count(*) FROM changed c GROUP BY c.job_type;
    ELSE
        INSERT INTO job_event_counts (name, job_type, count)
        SELECT c.resolution_status, c.job_type, count(*)
        FROM changed c JOIN before b ON b.id = c.id
        WHERE b.resolution_status IN ('open', 'triaged', 'ignored')
          AND c.resolution_status NOT IN ('open', 'triaged', 'ignored')
        GROUP BY c.resolution_status, c.job_type;
    END IF;
    RETURN NULL;
END $$

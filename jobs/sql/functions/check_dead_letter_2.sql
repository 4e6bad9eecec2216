-- Holds at commit: a job's status is dead_letter exactly while it has a live dead letter: one that is open, or triaged, or
-- ignored for now.
-- No sequential scans: a plan cached while the tables were small would scan the grown ones at every commit.
-- One branch for each table and not one expression for both: to find the id in the row as JSON, with its payload, took
-- most of the time of redriving many letters.
CREATE OR REPLACE FUNCTION check_dead_letter() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    v_job_id uuid;
    v_dead boolean;
BEGIN
    IF TG_TABLE_NAME = 'job_queue' THEN
        v_job_id := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        v_job_id := OLD.original_job_id;
    ELSE
        v_job_id := NEW.original_job_id;
    END IF;
    SELECT j.status = 'dead_letter' INTO v_dead FROM job_queue j WHERE j.id = v_job_id;
    IF v_dead IS NOT NULL AND v_dead <> EXISTS (
        SELECT FROM job_dead_letter_queue d
        WHERE d.original_job_id = v_job_id AND d.resolution_status IN ('open', 'triaged', 'ignored')
    ) THEN
        RAISE EXCEPTION 'job % must have status dead_letter exactly while it has an open dead letter', v_job_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'dead_letter_matches_job';
    END IF;
    RETURN NULL;
END $$

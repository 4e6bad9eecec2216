-- Holds at commit: a job's status is dead_letter exactly while it has a live dead letter: one that is open, or triaged, or
-- ignored for now.
-- No sequential scans: a plan cached while the tables were small would scan the grown ones at every commit.
CREATE OR REPLACE FUNCTION check_dead_letter() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    v_job_id uuid := CASE WHEN TG_TABLE_NAME = 'job_queue' THEN (to_jsonb(NEW)->>'id')::uuid
                          ELSE (to_jsonb(coalesce(NEW, OLD))->>'original_job_id')::uuid END;
    v_dead boolean := (SELECT j.status = 'dead_letter' FROM job_queue j WHERE j.id = v_job_id);
BEGIN
    IF v_dead IS NOT NULL AND v_dead <> EXISTS (
        SELECT FROM job_dead_letter_queue d
        WHERE d.original_job_id = v_job_id AND d.resolution_status IN ('open', 'triaged', 'ignored')
    ) THEN
        RAISE EXCEPTION 'job % must have status dead_letter exactly while it has an open dead letter', v_job_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'dead_letter_matches_job';
    END IF;
    RETURN NULL;
END $$

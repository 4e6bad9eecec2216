-- Deletes jobs and all that belongs to them alone: tasks, events, log lines, edges of workflows, settled dead letters, and
-- batches whose last job goes. The caller has locked them and knows that they have ended. Written for one plan only, rows
-- by their keys, whatever the statistics say.
CREATE OR REPLACE FUNCTION delete_jobs(p_job_ids uuid[]) RETURNS integer LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_batches uuid[];
    v_count integer;
BEGIN
    DELETE FROM job_log_lines WHERE job_id = ANY (p_job_ids);
    DELETE FROM job_events WHERE job_id = ANY (p_job_ids);
    DELETE FROM job_tasks WHERE job_id = ANY (p_job_ids);
    DELETE FROM job_dependencies WHERE job_id = ANY (p_job_ids);
    DELETE FROM job_dependencies WHERE depends_on_id = ANY (p_job_ids);
    DELETE FROM job_dead_letter_queue WHERE original_job_id = ANY (p_job_ids);
    WITH gone AS (
        DELETE FROM job_queue WHERE id = ANY (p_job_ids) RETURNING batch_id
    )
    SELECT count(*), array_agg(DISTINCT batch_id) FILTER (WHERE batch_id IS NOT NULL) INTO v_count, v_batches FROM gone;
    IF v_batches IS NOT NULL THEN
        DELETE FROM job_batches b
        WHERE b.id = ANY (v_batches) AND NOT EXISTS (SELECT FROM job_queue j WHERE j.batch_id = b.id);
    END IF;
    RETURN v_count;
END $$

-- Records one job's result; false when its lock is another worker's by now.
CREATE OR REPLACE FUNCTION complete_job(p_job_id uuid, p_lock_token bigint, p_result jsonb DEFAULT NULL) RETURNS boolean
LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM complete_jobs(ARRAY[p_job_id], ARRAY[p_lock_token], ARRAY[p_result]))
$$

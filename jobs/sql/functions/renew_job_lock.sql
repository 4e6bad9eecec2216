-- Moves the end of one lock; false when it is another worker's by now.
CREATE OR REPLACE FUNCTION renew_job_lock(
    p_job_id uuid, p_lock_token bigint, p_lock_duration interval DEFAULT '5 minutes'
) RETURNS boolean LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM renew_job_locks(ARRAY[p_job_id], ARRAY[p_lock_token], p_lock_duration))
$$

-- Takes one lock row away if its token still matches: the fence that every outcome passes.
-- A function of its own, for its plan: joined to a batch, the lock table (which looks empty to the planner
-- whenever it was analyzed) was read whole for every outcome. Here it is one probe of the primary key.
CREATE OR REPLACE FUNCTION take_lock(p_job_id uuid, p_lock_token bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM job_processing_locks l WHERE l.job_id = p_job_id AND l.lock_token = p_lock_token;
    RETURN FOUND;
END $$

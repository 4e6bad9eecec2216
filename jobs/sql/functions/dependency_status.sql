-- What a dependency is, by how the job that it names has ended; everything that settles one asks here.
-- A dead letter may be redriven yet, so whatever needs the job completed goes on waiting.
CREATE OR REPLACE FUNCTION dependency_status(p_condition text, p_job_status text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_job_status IS NULL THEN 'unmet'  -- the job is gone
        WHEN p_job_status NOT IN ('completed', 'failed', 'cancelled', 'dead_letter') THEN 'open'
        WHEN p_condition = 'ended' THEN 'met'
        WHEN p_condition = 'completed' THEN
            CASE p_job_status WHEN 'completed' THEN 'met' WHEN 'dead_letter' THEN 'open' ELSE 'unmet' END
        WHEN p_job_status IN ('failed', 'dead_letter') THEN 'met'
        ELSE 'unmet' END
$$

-- Records one failed attempt: a retry after 2^n seconds (or p_retry_in), or a dead letter when retries are
-- used up or the error is not retryable. Gives the job's new status, NULL when its lock is another's by now.
CREATE OR REPLACE FUNCTION fail_job(
    p_job_id uuid, p_lock_token bigint, p_error_class text, p_error_message text, p_error_details jsonb DEFAULT '{}',
    p_retryable boolean DEFAULT true, p_retry_in interval DEFAULT NULL
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_job record;
    v_error jsonb;
    v_done uuid;
BEGIN
    SELECT j.retry_count, j.max_retries, j.attempt INTO v_job FROM job_queue j WHERE j.id = p_job_id;
    v_error := coalesce(p_error_details, '{}') || jsonb_build_object(
        'error_class', p_error_class, 'message', p_error_message, 'attempt', v_job.attempt, 'at', clock_timestamp());
    IF p_retryable AND v_job.retry_count < v_job.max_retries THEN
        SELECT retry_jobs(
            ARRAY[p_job_id], ARRAY[p_lock_token],
            ARRAY[coalesce(extract(epoch FROM p_retry_in)::double precision, power(2, least(v_job.retry_count, 16)))],
            ARRAY[v_error], ARRAY[true]) INTO v_done;
    ELSE
        SELECT dead_letter_jobs(ARRAY[p_job_id], ARRAY[p_lock_token], ARRAY[v_error]) INTO v_done;
    END IF;
    RETURN (SELECT j.status FROM job_queue j WHERE j.id = v_done);
END $$

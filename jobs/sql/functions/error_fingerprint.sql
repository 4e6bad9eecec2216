-- Groups dead letters: same job type, error class and place, same message once ids and numbers are taken out.
CREATE OR REPLACE FUNCTION error_fingerprint(p_job_type text, p_error jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT md5(concat_ws(
        chr(31),
        p_job_type,
        p_error->>'error_class',
        p_error->>'frame',
        -- Shortened before, for speed, and after: ids of another length must not move the place of the cut.
        left(regexp_replace(
            regexp_replace(left(p_error->>'message', 1000), '[0-9a-f]{8}-[0-9a-f-]{27}|0x[0-9a-f]+|[0-9a-f]{16,}', '#', 'gi'),
            '[0-9]+', '#', 'g'
        ), 200)
    ))
$$

-- What a job is told that was cancelled because nobody had started it in time.
CREATE FUNCTION expired_message(p_expires_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT 'It expired: it had not started by ' || to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z".')
$$

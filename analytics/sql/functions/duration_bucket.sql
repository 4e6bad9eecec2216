-- The number of the bucket that a duration falls into.
CREATE FUNCTION analytics.duration_bucket(milliseconds integer) RETURNS smallint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (pg_catalog.width_bucket(milliseconds, analytics.bucket_lows()) - 1)::smallint
$$

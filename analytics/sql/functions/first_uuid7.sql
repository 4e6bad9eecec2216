-- The smallest UUIDv7 of a moment: ids are in the order of time, so a bound on them is a bound on time.
CREATE FUNCTION analytics.first_uuid7(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$

-- The duration that stands for all of a bucket: at most 1.96 % off. The operations are those of analytics/histograms.py,
-- in their order, so that the last bit is the same.
CREATE FUNCTION analytics.bucket_value(bucket smallint) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_low CONSTANT bigint := (analytics.bucket_lows())[bucket + 1];
    v_high CONSTANT bigint := v_low * 26 / 25;
BEGIN
    RETURN CASE v_low WHEN 0 THEN 0 ELSE 2.0::float8 * v_low * v_high / (v_low + v_high) END;
END
$$

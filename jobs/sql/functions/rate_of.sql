-- Reads a rate such as 60/m or 10/30s: so many starts in so many seconds. jobs/rates.py reads them alike.
CREATE FUNCTION rate_of(p_rate text, OUT starts integer, OUT seconds double precision)
LANGUAGE sql IMMUTABLE AS $$
    SELECT split_part(p_rate, '/', 1)::integer,
           coalesce(nullif(rtrim(split_part(p_rate, '/', 2), 'smhd'), ''), '1')::double precision
           * CASE right(p_rate, 1) WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END
$$;

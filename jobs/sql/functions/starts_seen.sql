-- Says how many starts a rate limit has room for, as starts_left does, for those who only look: it locks and writes
-- nothing, so that readers may ask too, and what is being counted at this moment may be missing.
CREATE FUNCTION starts_seen(p_key text, p_rate text) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT greatest(0, r.starts - coalesce((
        SELECT sum(c.n) FROM job_rate_windows w, unnest(w.counts) WITH ORDINALITY AS c (n, place)
        WHERE w.key = p_key AND w.seconds = r.seconds
          -- After a clock was set back all that was counted is as good as just started.
          AND (w.slot > s.slot OR w.slot + c.place > s.slot)), 0))::integer
    FROM rate_of(p_rate) AS r (starts, seconds)
    CROSS JOIN LATERAL (SELECT floor(extract(epoch FROM clock_timestamp()) / (r.seconds / 60))::bigint) AS s (slot)
$$;

-- Counts starts against a rate limit: see starts_left. Before the first, an empty window is made.
CREATE FUNCTION note_starts(p_key text, p_rate text, p_starts integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_seconds double precision := (rate_of(p_rate)).seconds;
    v_slot bigint := floor(extract(epoch FROM clock_timestamp()) / (v_seconds / 60));
BEGIN
    INSERT INTO job_rate_windows AS w (key, seconds, slot, counts)
    VALUES (p_key, v_seconds, v_slot, array_fill(0, ARRAY[60]) || p_starts)
    ON CONFLICT (key, seconds) DO UPDATE SET (slot, counts, touched_at) = (
        SELECT v_slot, moved[1:60] || moved[61] + p_starts, clock_timestamp()
        FROM (
            SELECT CASE WHEN w.slot > v_slot
                THEN array_fill(0, ARRAY[60]) || (SELECT sum(n)::integer FROM unnest(w.counts) AS n)
                ELSE w.counts[1 + steps:61] || array_fill(0, ARRAY[steps]) END AS moved
            FROM (SELECT least(61, greatest(0, v_slot - w.slot))::integer AS steps) AS distance
        ) AS shifted
    );
END $$;

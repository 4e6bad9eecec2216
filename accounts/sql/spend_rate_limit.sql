-- Counts one request against a key and says whether it was within the limit of any 60 seconds: one upsert, so that
-- any number of web processes at once accept no more than the limit. The window slides over 61 one-second slots (the
-- running second and 60 whole ones), oldest first, so no 60 seconds hold more than the limit, wherever they begin.
CREATE OR REPLACE FUNCTION public.spend_rate_limit(
    bucket text, allowed integer, OUT accepted boolean, OUT remaining integer, OUT reset_after double precision
) LANGUAGE sql VOLATILE AS $$
    WITH clock AS (
        SELECT extract(epoch FROM clock_timestamp())::double precision AS seconds
    ), spent AS (
        INSERT INTO public.rate_limit_windows AS w (key, slot, counts, accepted, touched_at)
        SELECT bucket, floor(seconds)::bigint, array_fill(0, ARRAY[60]) || 1, true, clock_timestamp() FROM clock
        ON CONFLICT (key) DO UPDATE SET (slot, counts, accepted, touched_at) = (
            SELECT greatest(w.slot, excluded.slot),
                   CASE WHEN fits THEN moved[1:60] || moved[61] + 1 ELSE moved END,
                   fits,
                   clock_timestamp()
            FROM (
                SELECT moved, (SELECT sum(n) FROM unnest(moved) AS n) < allowed AS fits
                FROM (
                    -- A clock set back moves nothing: the slots stay where they are until it has caught up.
                    SELECT w.counts[1 + steps:61] || array_fill(0, ARRAY[steps]) AS moved
                    FROM (SELECT least(61, greatest(0, excluded.slot - w.slot))::integer AS steps) AS distance
                ) AS shifted
            ) AS judged
        )
        RETURNING w.slot, w.counts, w.accepted
    ), running AS (
        SELECT spent.slot, spent.accepted, n.place, sum(n.used) OVER (ORDER BY n.place) AS so_far,
               sum(n.used) OVER () AS total
        FROM spent, unnest(spent.counts) WITH ORDINALITY AS n (used, place)
    )
    -- Slot number `place` stands for the second (slot - 61 + place) and leaves the window 61 seconds after it began.
    SELECT running.accepted, greatest(0, allowed - total)::integer, slot + place - seconds
    FROM running, clock
    WHERE so_far >= greatest(1, total + 1 - allowed)
    ORDER BY place
    LIMIT 1
$$

-- Counts one request against a key and says whether it was within the limit: one upsert, so that any number of web
-- processes at once accept no more. Two rules hold together:
-- * the window: any 60 seconds, wherever they begin, hold at most `allowed` + `burst` requests. It slides over 61
--   one-second slots (the running second and 60 whole ones), oldest first;
-- * the debt: over a longer time no more than `allowed` a minute. Each accepted request is owed and `allowed` a minute
--   are paid back, so that a burst above the limit is earned by having used less than it before.
-- Without a burst the window is the narrower one always, and the debt never decides.
CREATE OR REPLACE FUNCTION public.spend_rate_limit(
    bucket text, allowed integer, burst integer DEFAULT 0,
    OUT accepted boolean, OUT remaining integer, OUT reset_after double precision
) LANGUAGE sql VOLATILE AS $$
    WITH clock AS (
        SELECT extract(epoch FROM clock_timestamp())::double precision AS seconds, allowed + burst AS most
    ), spent AS (
        INSERT INTO public.rate_limit_windows AS w (key, slot, counts, accepted, debt, touched_at)
        SELECT bucket, floor(seconds)::bigint, array_fill(0, ARRAY[60]) || 1, true, 1, clock_timestamp() FROM clock
        ON CONFLICT (key) DO UPDATE SET (slot, counts, accepted, debt, touched_at) = (
            SELECT greatest(w.slot, excluded.slot),
                   CASE WHEN fits THEN moved[1:60] || moved[61] + 1 ELSE moved END,
                   fits,
                   CASE WHEN fits THEN owed + 1 ELSE owed END,
                   clock_timestamp()
            FROM (
                -- The millionth is for what floating point loses.
                SELECT moved, owed, (SELECT sum(n) FROM unnest(moved) AS n) < allowed + burst
                                    AND owed <= allowed + burst - 1 + 1e-6 AS fits
                FROM (
                    -- A clock set back moves nothing: the slots stay where they are until it has caught up. Nobody
                    -- owes more than can be accepted at once, as after a limit was lowered.
                    SELECT w.counts[1 + least(61, passed):61] || array_fill(0, ARRAY[least(61, passed)::integer])
                               AS moved,
                           greatest(0, least(w.debt, allowed + burst) - passed * allowed / 60.0) AS owed
                    FROM (SELECT greatest(0, excluded.slot - w.slot) AS passed) AS distance
                ) AS shifted
            ) AS judged
        )
        RETURNING w.slot, w.counts, w.accepted, w.debt
    ), running AS (
        SELECT spent.*, n.place, sum(n.used) OVER (ORDER BY n.place) AS so_far, sum(n.used) OVER () AS total
        FROM spent, unnest(spent.counts) WITH ORDINALITY AS n (used, place)
    ), waits AS (
        -- Slot number `place` stands for the second (slot - 61 + place) and leaves the window 61 seconds after it
        -- began; enough of the debt is paid so many whole seconds after `slot`.
        SELECT running.accepted, total < most AS fits_window,
               greatest(0, least(most - total, floor(most - debt + 1e-6)))::integer AS remaining,
               slot + place - seconds AS window_wait,
               CASE WHEN debt > most - 1 + 1e-6
                    THEN slot + ceil((debt - most + 1) * 60 / allowed - 1e-6) - seconds END AS debt_wait
        FROM running, clock
        WHERE so_far >= greatest(1, total + 1 - most)
        ORDER BY place
        LIMIT 1
    )
    SELECT waits.accepted, waits.remaining,
           CASE WHEN fits_window THEN coalesce(debt_wait, window_wait) ELSE greatest(window_wait, debt_wait) END
    FROM waits
$$

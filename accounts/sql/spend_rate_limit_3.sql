-- Counts one request against a key and says whether it was within the limit: one upsert, so that any number of web
-- processes at once accept no more. Two rules hold together:
-- * the window: any 60 seconds, wherever they begin, hold at most `allowed` + `burst` requests. It slides over 61
--   one-second slots (the running second and 60 whole ones), oldest first;
-- * the debt: over a longer time no more than `allowed` a minute. Each accepted request is owed and `allowed` a minute
--   are paid back, so that a burst above the limit is earned by having used less than it before.
-- Without a burst the window is the narrower one always, and the debt never decides.
-- In PL/pgSQL because it is part of each request: before PostgreSQL 18 a function in SQL is planned at every call, which
-- took four times as long as all that it does.
CREATE OR REPLACE FUNCTION public.spend_rate_limit(
    bucket text, allowed integer, burst integer DEFAULT 0,
    OUT accepted boolean, OUT remaining integer, OUT reset_after double precision
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_seconds double precision := extract(epoch FROM clock_timestamp());
    v_most integer := allowed + burst;
    v_slot bigint;
    v_counts integer[];
    v_debt double precision;
    v_total integer;
    v_used integer;
    v_so_far integer := 0;
    v_place integer := 0;
    v_debt_wait double precision;
BEGIN
    INSERT INTO public.rate_limit_windows AS w (key, slot, counts, accepted, debt, touched_at)
    VALUES (bucket, floor(v_seconds)::bigint, array_fill(0, ARRAY[60]) || 1, true, 1, clock_timestamp())
    ON CONFLICT (key) DO UPDATE SET (slot, counts, accepted, debt, touched_at) = (
        SELECT greatest(w.slot, excluded.slot),
               CASE WHEN fits THEN moved[1:60] || moved[61] + 1 ELSE moved END,
               fits,
               CASE WHEN fits THEN owed + 1 ELSE owed END,
               clock_timestamp()
        FROM (
            -- The millionth is for what floating point loses.
            SELECT moved, owed, (SELECT sum(n) FROM unnest(moved) AS n) < v_most AND owed <= v_most - 1 + 1e-6 AS fits
            FROM (
                -- A clock set back moves nothing: the slots stay where they are until it has caught up. Nobody owes
                -- more than can be accepted at once, as after a limit was lowered.
                SELECT w.counts[1 + least(61, passed):61] || array_fill(0, ARRAY[least(61, passed)::integer]) AS moved,
                       greatest(0, least(w.debt, v_most) - passed * allowed / 60.0) AS owed
                FROM (SELECT greatest(0, excluded.slot - w.slot) AS passed) AS distance
            ) AS shifted
        ) AS judged
    )
    RETURNING w.slot, w.counts, w.accepted, w.debt INTO v_slot, v_counts, accepted, v_debt;

    v_total := (SELECT sum(n) FROM unnest(v_counts) AS n);
    -- Slot number `place` stands for the second (slot - 61 + place) and leaves the window 61 seconds after it began.
    -- Which one it is that makes room: the first with a request, or one further on where a limit was lowered.
    FOREACH v_used IN ARRAY v_counts LOOP
        v_place := v_place + 1;
        v_so_far := v_so_far + v_used;
        EXIT WHEN v_so_far >= greatest(1, v_total + 1 - v_most);
    END LOOP;
    remaining := greatest(0, least(v_most - v_total, floor(v_most - v_debt + 1e-6)));
    reset_after := v_slot + v_place - v_seconds;
    -- Enough of the debt is paid so many whole seconds after `slot`.
    IF v_debt > v_most - 1 + 1e-6 THEN
        v_debt_wait := v_slot + ceil((v_debt - v_most + 1) * 60 / allowed - 1e-6) - v_seconds;
        reset_after := CASE WHEN v_total < v_most THEN v_debt_wait ELSE greatest(reset_after, v_debt_wait) END;
    END IF;
END
$$

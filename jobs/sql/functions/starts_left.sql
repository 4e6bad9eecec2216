-- Says how many starts a rate limit has room for now, and in how many seconds there is more when there is none.
-- The window slides over 61 slots (the running one and 60 whole ones) of a sixtieth of it each, oldest first, so no
-- window holds more than the limit, wherever it begins. Nothing is counted here: note_starts does that once the jobs
-- have been started, so that their time is never later than that of their count. The caller holds the advisory lock
-- of the key. A clock that was set back makes all that was counted as good as just started.
CREATE FUNCTION starts_left(p_key text, p_rate text, OUT room integer, OUT wait double precision)
LANGUAGE plpgsql AS $$
DECLARE
    v_rate record := rate_of(p_rate);
    v_now double precision := extract(epoch FROM clock_timestamp());
    v_width double precision := v_rate.seconds / 60;
    v_slot bigint := floor(v_now / v_width);
    v_window job_rate_windows%ROWTYPE;
    v_used integer := 0;
    v_oldest integer;
BEGIN
    SELECT w.* INTO v_window FROM job_rate_windows w WHERE w.key = p_key AND w.seconds = v_rate.seconds;
    room := v_rate.starts;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF v_window.slot > v_slot THEN
        PERFORM note_starts(p_key, p_rate, 0);
        SELECT sum(n), 61 INTO v_used, v_oldest FROM unnest(v_window.counts) AS n;
    ELSE
        -- Place p of the counts stands for slot (slot - 61 + p), which leaves the window 61 slots after it began.
        SELECT sum(n), min(place) FILTER (WHERE n > 0) INTO v_used, v_oldest
        FROM unnest(v_window.counts) WITH ORDINALITY AS c (n, place)
        WHERE v_window.slot - 61 + place > v_slot - 61;
        v_slot := v_window.slot;
    END IF;
    room := greatest(0, v_rate.starts - coalesce(v_used, 0));
    IF room = 0 THEN
        wait := greatest(0.001, (v_slot + v_oldest) * v_width - v_now);
    END IF;
END $$;

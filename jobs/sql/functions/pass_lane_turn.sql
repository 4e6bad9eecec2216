-- Notes which lane of a queue and priority was served last. A hint for the next claim: nobody waits for it.
CREATE FUNCTION pass_lane_turn(p_queue text, p_priority integer, p_lane_key text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_lane_key IS NULL THEN
        RETURN;
    END IF;
    UPDATE job_lane_turns t SET lane_key = p_lane_key
    WHERE t.ctid = (SELECT s.ctid FROM job_lane_turns s WHERE s.queue = p_queue AND s.priority = p_priority
                    FOR UPDATE SKIP LOCKED) AND t.lane_key <> p_lane_key;
    IF NOT FOUND AND NOT EXISTS (SELECT FROM job_lane_turns t WHERE t.queue = p_queue AND t.priority = p_priority) THEN
        INSERT INTO job_lane_turns (queue, priority, lane_key) VALUES (p_queue, p_priority, p_lane_key)
        ON CONFLICT (queue, priority) DO NOTHING;
    END IF;
END $$;

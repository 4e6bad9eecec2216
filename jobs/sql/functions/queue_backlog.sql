-- Says of each queue what more workers could begin at once: how long the job that is due longest of those has been due,
-- how many there are (counted up to p_most), and how many jobs run. What nobody may start does not count: jobs of a
-- paused queue, and those for which the limits of their queue or key leave no room. For scaling: a queue whose jobs
-- wait for a limit gains nothing by another worker. Without p_queues all queues but those of other languages' workers.
-- Reads by probes of the claim's indexes, writes nothing, takes no lock, and so may be a moment behind the claims.
CREATE FUNCTION queue_backlog(p_queues text[] DEFAULT NULL, p_job_types text[] DEFAULT NULL, p_most integer DEFAULT 10000)
RETURNS TABLE (queue text, age_seconds double precision, due integer, running integer)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp();
    v_running jsonb;
    v_queues text[] := p_queues;
    v_queue text;
    v_rule record;
    v_room integer;
    v_priority integer;
    v_lane record;
    v_head record;
    v_counted integer;
    v_oldest timestamptz;
BEGIN
    SELECT coalesce(jsonb_object_agg(r.queue, r.jobs), '{}') INTO v_running FROM (
        SELECT j.queue, count(*) AS jobs FROM job_queue j WHERE j.status = 'processing'
          AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types)) GROUP BY j.queue) r;
    IF v_queues IS NULL THEN
        v_queues := ARRAY(
            WITH RECURSIVE open_queues AS (
                (SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL
                   AND j.lane_key IS NULL ORDER BY j.queue LIMIT 1)
                UNION ALL
                SELECT n.queue FROM open_queues o CROSS JOIN LATERAL (
                    SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL
                      AND j.lane_key IS NULL AND j.queue > o.queue ORDER BY j.queue LIMIT 1) n
            ), keyed_queues AS (
                (SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL
                   AND j.lane_key IS NOT NULL ORDER BY j.queue LIMIT 1)
                UNION ALL
                SELECT n.queue FROM keyed_queues k CROSS JOIN LATERAL (
                    SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL
                      AND j.lane_key IS NOT NULL AND j.queue > k.queue ORDER BY j.queue LIMIT 1) n
            )
            SELECT o.queue FROM open_queues o UNION SELECT k.queue FROM keyed_queues k
            UNION SELECT jsonb_object_keys(v_running)
        );
    END IF;

    FOREACH v_queue IN ARRAY v_queues LOOP
        CONTINUE WHEN p_queues IS NULL AND starts_with(v_queue, 'lang.');
        queue := v_queue;
        due := 0;
        running := coalesce((v_running ->> v_queue)::integer, 0);
        v_oldest := NULL;
        v_room := p_most;
        SELECT q.paused, q.concurrency_limit, q.rate_limit INTO v_rule FROM job_queues q WHERE q.name = v_queue;
        IF v_rule.paused THEN
            v_room := 0;
        END IF;
        IF v_rule.concurrency_limit IS NOT NULL THEN
            SELECT least(v_room, v_rule.concurrency_limit - count(*)) INTO v_room FROM job_processing_locks l
            WHERE l.limited_queue = v_queue;
        END IF;
        IF v_rule.rate_limit IS NOT NULL THEN
            v_room := least(v_room, starts_seen('q:' || v_queue, v_rule.rate_limit));
        END IF;

        v_priority := NULL;
        WHILE due < v_room LOOP
            SELECT max(j.priority) INTO v_priority FROM job_queue j
            WHERE j.queue = v_queue AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL
              AND (v_priority IS NULL OR j.priority < v_priority);
            EXIT WHEN v_priority IS NULL;
            SELECT count(*), min(c.scheduled_at) INTO v_head FROM (
                SELECT j.scheduled_at FROM job_queue j
                WHERE j.queue = v_queue AND j.priority = v_priority AND j.status = 'pending' AND j.waits_for IS NULL
                  AND j.lane_key IS NULL AND j.scheduled_at <= v_now
                  AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
                ORDER BY j.scheduled_at, j.id LIMIT v_room - due) c;
            due := due + v_head.count;
            v_oldest := least(v_oldest, v_head.min);
        END LOOP;

        v_priority := NULL;
        WHILE due < v_room LOOP
            SELECT max(j.priority) INTO v_priority FROM job_queue j
            WHERE j.queue = v_queue AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NOT NULL
              AND (v_priority IS NULL OR j.priority < v_priority);
            EXIT WHEN v_priority IS NULL;
            -- As many lanes as a claim lists at once.
            FOR v_lane IN SELECT k.lane_key AS name FROM keyed_lanes(v_queue, v_priority) k WHERE k.due_in <= 0 LOOP
                EXIT WHEN due >= v_room;
                SELECT j.concurrency_key AS key, j.concurrency_limit AS most, j.rate_limit AS rate INTO v_head
                FROM job_queue j
                WHERE j.queue = v_queue AND j.priority = v_priority AND j.status = 'pending' AND j.waits_for IS NULL
                  AND j.lane_key = v_lane.name AND j.scheduled_at <= v_now
                  AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
                ORDER BY j.scheduled_at, j.id LIMIT 1;
                CONTINUE WHEN NOT FOUND;
                v_counted := v_room - due;
                IF v_head.most IS NOT NULL THEN
                    SELECT least(v_counted, v_head.most - count(*)) INTO v_counted FROM job_processing_locks l
                    WHERE l.concurrency_key = v_head.key;
                END IF;
                IF v_head.rate IS NOT NULL THEN
                    v_counted := least(v_counted, starts_seen('k:' || v_head.key, v_head.rate));
                END IF;
                CONTINUE WHEN v_counted <= 0;
                SELECT count(*), min(c.scheduled_at) INTO v_head FROM (
                    SELECT j.scheduled_at FROM job_queue j
                    WHERE j.queue = v_queue AND j.priority = v_priority AND j.status = 'pending'
                      AND j.waits_for IS NULL AND j.lane_key = v_lane.name AND j.scheduled_at <= v_now
                      AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
                    ORDER BY j.scheduled_at, j.id LIMIT v_counted) c;
                due := due + v_head.count;
                v_oldest := least(v_oldest, v_head.min);
            END LOOP;
        END LOOP;
        age_seconds := coalesce(greatest(0, extract(epoch FROM v_now - v_oldest)), 0);
        RETURN NEXT;
    END LOOP;
END $$;

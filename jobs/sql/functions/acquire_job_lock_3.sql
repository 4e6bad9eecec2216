-- Claims up to p_batch_size due jobs of the given types (NULL: of any) for a worker in any language.
-- Queues are looked at in the order of their most urgent job, so that each scan follows the claim index. A queue with
-- limits or with lanes beside the open one is claimed by turns, priority by priority; whose turn is next is noted in a
-- row, since nobody here remembers it. While another caller has that row, it stays as it is.
CREATE OR REPLACE FUNCTION acquire_job_lock(
    p_worker_id text, p_job_types text[], p_lock_duration interval DEFAULT '5 minutes',
    p_batch_size integer DEFAULT 1, p_queues text[] DEFAULT NULL
) RETURNS TABLE (
    job_id uuid, job_type text, priority integer, payload jsonb, lock_token bigint, attempt integer,
    retry_count integer, max_retries integer, queue text, timeout double precision, user_id uuid, request_id text, waited double precision
) LANGUAGE plpgsql SET enable_sort = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
    v_queue record;
    v_priority integer;
    v_turn text;
    v_last text;
    v_after text;
    v_lanes record;
    v_left integer := p_batch_size;
    v_taken integer;
    v_share integer;
    v_ids uuid[] := '{}';
    v_more uuid[];
BEGIN
    FOR v_queue IN
        WITH RECURSIVE open AS (
            (SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL ORDER BY j.queue LIMIT 1)
            UNION ALL
            SELECT n.queue FROM open l CROSS JOIN LATERAL (
                SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL AND j.queue > l.queue ORDER BY j.queue LIMIT 1
            ) n
        ), keyed AS (
            (SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NOT NULL ORDER BY j.queue LIMIT 1)
            UNION ALL
            SELECT n.queue FROM keyed l CROSS JOIN LATERAL (
                SELECT j.queue FROM job_queue j WHERE j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NOT NULL AND j.queue > l.queue ORDER BY j.queue LIMIT 1
            ) n
        ), heads AS (
            SELECT l.queue, head.priority, head.scheduled_at, false AS by_turns FROM open l CROSS JOIN LATERAL (
                SELECT j.priority, j.scheduled_at FROM job_queue j
                WHERE j.queue = l.queue AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL ORDER BY j.priority DESC, j.scheduled_at LIMIT 1
            ) head
            UNION ALL
            SELECT l.queue, head.priority, head.scheduled_at, true FROM keyed l CROSS JOIN LATERAL (
                SELECT j.priority, j.scheduled_at FROM job_queue j
                WHERE j.queue = l.queue AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NOT NULL ORDER BY j.priority DESC LIMIT 1
            ) head
        )
        SELECT h.queue AS name, max(h.priority) AS priority,
               bool_or(h.by_turns) OR EXISTS (
                   SELECT FROM job_queues q WHERE q.name = h.queue
                   AND (q.concurrency_limit IS NOT NULL OR q.rate_limit IS NOT NULL)) AS by_turns
        FROM heads h
        WHERE (p_queues IS NULL OR h.queue = ANY (p_queues))
          AND NOT EXISTS (SELECT FROM job_queues q WHERE q.name = h.queue AND q.paused)
        GROUP BY h.queue
        ORDER BY max(h.priority) DESC, min(h.scheduled_at)
    LOOP
        IF NOT v_queue.by_turns THEN
            SELECT array_agg(due.id) INTO v_more FROM (
                SELECT j.id FROM job_queue j
                WHERE j.queue = v_queue.name AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL AND j.scheduled_at <= statement_timestamp()
                  AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
                ORDER BY j.priority DESC, j.scheduled_at, j.id
                LIMIT v_left
                FOR UPDATE SKIP LOCKED
            ) due;
            v_ids := v_ids || coalesce(v_more, '{}');
            v_left := v_left - coalesce(cardinality(v_more), 0);
        END IF;
        v_priority := v_queue.priority;
        WHILE v_queue.by_turns AND v_left > 0 AND v_priority IS NOT NULL LOOP
            SELECT t.lane_key INTO v_turn FROM job_lane_turns t
            WHERE t.queue = v_queue.name AND t.priority = v_priority;
            v_after := (lane_group(v_turn)).after;
            -- The open lane is a group like the others, and comes last in their round.
            SELECT array_agg(l.lane_key ORDER BY l.place) AS keys, array_agg(l.name ORDER BY l.place) AS names,
                   count(DISTINCT l.name)::integer AS groups,
                   (array_agg(l.lane_key ORDER BY l.place DESC) FILTER (WHERE l.lane_key <> ''))[1] AS last
            INTO v_lanes FROM (
                SELECT k.lane_key, k.name, CASE WHEN v_turn <> '' AND k.lane_key COLLATE "C" < v_after THEN 2000 ELSE 1 END + k.place AS place
                FROM keyed_lanes(
                    v_queue.name, v_priority, coalesce(v_after, ''),
                    CASE WHEN v_turn IS NULL THEN '{}' ELSE jsonb_build_object((lane_group(v_turn)).name, v_turn) END, 200
                ) WITH ORDINALITY AS k (name, lane_key, scheduled_at, due_in, place)
                UNION ALL SELECT '', '', CASE WHEN v_turn = '' THEN 4000 ELSE 2000 END WHERE EXISTS (
                    SELECT FROM job_queue j
                    WHERE j.queue = v_queue.name AND j.priority = v_priority AND j.status = 'pending'
                      AND j.waits_for IS NULL AND j.lane_key IS NULL AND j.scheduled_at <= statement_timestamp())
            ) l;
            v_taken := 0;
            v_last := NULL;
            v_share := (v_left + v_lanes.groups - 1) / nullif(v_lanes.groups, 0);
            -- What some leave of their share, others may have in a second round.
            FOR i IN 1 .. CASE WHEN v_lanes.groups = 0 THEN 0 WHEN v_lanes.groups = 1 THEN 1 ELSE 2 END LOOP
                EXIT WHEN v_left <= v_taken OR (i = 2 AND v_taken = 0);
                FOR job_id, job_type, priority, payload, lock_token, attempt, retry_count, max_retries, queue, timeout, user_id,
                    request_id, waited, v_turn IN
                    SELECT c.job_id, c.job_type, c.priority, c.payload, c.lock_token, c.attempt, c.retry_count, c.max_retries,
                           c.queue, c.timeout, c.user_id, c.request_id, c.waited, CASE WHEN c.last_id IS NOT NULL THEN c.lane_key END
                    FROM claim_lanes(
                        p_worker_id, p_lock_duration, v_queue.name, v_priority, p_job_types, v_left - v_taken,
                        CASE WHEN i = 1 THEN v_share ELSE v_left END, v_lanes.keys, v_lanes.names,
                        array_fill('-infinity'::timestamptz, ARRAY[cardinality(v_lanes.keys)]),
                        array_fill('00000000-0000-0000-0000-000000000000'::uuid, ARRAY[cardinality(v_lanes.keys)])
                    ) c
                LOOP
                    v_last := coalesce(v_turn, v_last);
                    IF lock_token IS NOT NULL THEN
                        v_taken := v_taken + 1;
                        RETURN NEXT;
                    END IF;
                END LOOP;
            END LOOP;
            -- Where all were blocked the next round begins behind them.
            PERFORM pass_lane_turn(v_queue.name, v_priority, coalesce(v_last, v_lanes.last));
            v_left := v_left - v_taken;
            SELECT max(level.priority) INTO v_priority FROM (
                (SELECT j.priority FROM job_queue j
                 WHERE j.queue = v_queue.name AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NULL AND j.priority < v_priority
                 ORDER BY j.priority DESC LIMIT 1)
                UNION ALL
                (SELECT j.priority FROM job_queue j
                 WHERE j.queue = v_queue.name AND j.status = 'pending' AND j.waits_for IS NULL AND j.lane_key IS NOT NULL AND j.priority < v_priority
                 ORDER BY j.priority DESC LIMIT 1)
            ) level;
        END LOOP;
        EXIT WHEN v_left <= 0;
    END LOOP;
    IF v_ids = '{}' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT s.job_id, s.job_type, s.priority, s.payload, s.lock_token, s.attempt, s.retry_count, s.max_retries, s.queue, s.timeout,
           s.user_id, s.request_id, s.waited
    FROM start_jobs(v_ids, p_worker_id, p_lock_duration) s
    WHERE s.lock_token IS NOT NULL
    ORDER BY s.priority DESC, s.scheduled_at, s.job_id;
END $$

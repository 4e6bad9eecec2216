-- Claims up to p_room due jobs of one queue and priority from many lanes at once, in the order given ('' is the open
-- lane): each from behind its cursor, and at most p_share from lanes of one group that stand together. Keeps the
-- limits of keys and of the queue: whoever holds a limit's advisory lock counts, in a later statement and so with
-- all that was committed before, and starts no more than fits; what somebody else is counting is left to them.
-- A lane that is blocked by its limit costs a probe or two, however many jobs wait in it.
--
-- Gives the started jobs, and before them what became of lanes: `more` may follow at once, `empty` has nothing due
-- behind its cursor, `full` waits until a job ends, `rate` has room in retry_in seconds, `busy` is being claimed by
-- somebody else. Such a word without a lane is of the queue as a whole, `paused` too.
CREATE FUNCTION claim_lanes(
    p_worker_id text, p_lock_duration interval, p_queue text, p_priority integer, p_job_types text[], p_room integer,
    p_share integer, p_lanes text[], p_groups text[], p_after timestamptz[], p_after_ids uuid[]
) RETURNS TABLE (
    lane_key text, word text, retry_in double precision, last_at timestamptz, last_id uuid,
    job_id uuid, job_type text, queue text, priority integer, payload jsonb, attempt integer,
    retry_count integer, max_retries integer, timeout double precision, scheduled_at timestamptz, lock_token bigint,
    user_id uuid, request_id text, waited double precision, concurrency_key text, has_followers boolean, limited boolean
) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_rule record;
    v_head record;
    v_found record;
    v_left record;
    v_room integer := p_room;
    v_share integer := p_share;
    v_wanted integer;
    v_fits integer;
    v_queue_key text := 'q:' || p_queue;
    v_key text;
    v_keys text[] := '{}';
    v_ids uuid[] := '{}';
    v_rated_keys text[] := '{}';
    v_rates text[] := '{}';
    v_starts integer[] := '{}';
BEGIN
    SELECT q.paused, q.concurrency_limit, q.rate_limit INTO v_rule FROM job_queues q WHERE q.name = p_queue;
    IF v_rule.paused THEN
        word := 'paused';
        RETURN NEXT;
        RETURN;
    END IF;
    IF v_rule.concurrency_limit IS NOT NULL OR v_rule.rate_limit IS NOT NULL THEN
        IF NOT pg_try_advisory_xact_lock(hashtextextended(v_queue_key, 0)) THEN
            word := 'busy';
            RETURN NEXT;
            RETURN;
        END IF;
        IF v_rule.concurrency_limit IS NOT NULL THEN
            SELECT v_rule.concurrency_limit - count(*) INTO v_fits FROM job_processing_locks l
            WHERE l.limited_queue = p_queue;
            v_room := least(v_room, v_fits);
        END IF;
        IF v_room <= 0 THEN
            word := 'full';
            RETURN NEXT;
            RETURN;
        END IF;
        IF v_rule.rate_limit IS NOT NULL THEN
            v_left := starts_left(v_queue_key, v_rule.rate_limit);
            v_room := least(v_room, v_left.room);
            IF v_room <= 0 THEN
                word := 'rate';
                retry_in := v_left.wait;
                RETURN NEXT;
                RETURN;
            END IF;
        END IF;
    END IF;

    FOR i IN 1 .. cardinality(p_lanes) LOOP
        EXIT WHEN v_room <= 0;
        IF i > 1 AND p_groups[i] <> p_groups[i - 1] THEN
            v_share := p_share;
        END IF;
        CONTINUE WHEN v_share <= 0;
        lane_key := p_lanes[i];
        word := NULL;
        retry_in := NULL;
        last_at := NULL;
        last_id := NULL;
        v_key := NULL;
        v_wanted := least(v_room, v_share);
        IF lane_key = '' THEN
            SELECT array_agg(due.id) AS ids, (array_agg(due.scheduled_at))[count(*)] AS last_at INTO v_found FROM (
                SELECT j.id, j.scheduled_at FROM job_queue j
                WHERE j.queue = p_queue AND j.priority = p_priority AND j.status = 'pending' AND j.waits_for IS NULL
                  AND j.lane_key IS NULL AND j.scheduled_at <= statement_timestamp()
                  AND (j.scheduled_at, j.id) > (p_after[i], p_after_ids[i])
                  AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
                ORDER BY j.scheduled_at, j.id LIMIT v_wanted FOR UPDATE SKIP LOCKED
            ) due;
        ELSE
            SELECT j.concurrency_key AS key, j.concurrency_limit AS most, j.rate_limit AS rate INTO v_head
            FROM job_queue j
            WHERE j.queue = p_queue AND j.priority = p_priority AND j.status = 'pending' AND j.waits_for IS NULL
              AND j.lane_key = p_lanes[i] AND j.scheduled_at <= statement_timestamp()
              AND (j.scheduled_at, j.id) > (p_after[i], p_after_ids[i])
              AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
            ORDER BY j.scheduled_at, j.id LIMIT 1;
            IF NOT FOUND THEN
                word := 'empty';
                RETURN NEXT;
                CONTINUE;
            END IF;
            IF v_head.key IS NOT NULL AND (v_head.most IS NOT NULL OR v_head.rate IS NOT NULL) THEN
                v_key := 'k:' || v_head.key;
                -- Asked before the lock as well: of a thousand blocked lanes none is to hold one.
                IF v_head.most IS NOT NULL THEN
                    SELECT v_head.most - count(*) INTO v_fits FROM job_processing_locks l
                    WHERE l.concurrency_key = v_head.key;
                    IF v_fits <= 0 THEN
                        word := 'full';
                        RETURN NEXT;
                        CONTINUE;
                    END IF;
                END IF;
                -- Another lane of this key was served just now: what it started is not counted yet.
                IF v_key = ANY (v_keys) OR NOT pg_try_advisory_xact_lock(hashtextextended(v_key, 0)) THEN
                    word := 'busy';
                    RETURN NEXT;
                    CONTINUE;
                END IF;
                v_keys := v_keys || v_key;
                IF v_head.most IS NOT NULL THEN
                    SELECT v_head.most - count(*) INTO v_fits FROM job_processing_locks l
                    WHERE l.concurrency_key = v_head.key;
                    IF v_fits <= v_wanted THEN
                        word := 'full';
                        v_wanted := v_fits;
                    END IF;
                END IF;
                IF v_head.rate IS NOT NULL AND v_wanted > 0 THEN
                    v_left := starts_left(v_key, v_head.rate);
                    IF v_left.room < v_wanted THEN
                        word := 'rate';
                        -- Once this room is used up the next claim learns how long to wait.
                        retry_in := coalesce(v_left.wait, 0);
                        v_wanted := v_left.room;
                    END IF;
                END IF;
                IF v_wanted <= 0 THEN
                    RETURN NEXT;
                    CONTINUE;
                END IF;
            END IF;
            -- Jobs of one key may have other limits: as far as they have the same.
            SELECT array_agg(run.id) FILTER (WHERE run.same) AS ids,
                   (array_agg(run.scheduled_at) FILTER (WHERE run.same))[count(*) FILTER (WHERE run.same)] AS last_at
            INTO v_found FROM (
                SELECT due.id, due.scheduled_at,
                       bool_and((due.concurrency_key, due.concurrency_limit, due.rate_limit)
                                IS NOT DISTINCT FROM (v_head.key, v_head.most, v_head.rate))
                           OVER (ROWS UNBOUNDED PRECEDING) AS same
                FROM (
                    SELECT j.id, j.scheduled_at, j.concurrency_key, j.concurrency_limit, j.rate_limit FROM job_queue j
                    WHERE j.queue = p_queue AND j.priority = p_priority AND j.status = 'pending'
                      AND j.waits_for IS NULL AND j.lane_key = p_lanes[i] AND j.scheduled_at <= statement_timestamp()
                      AND (j.scheduled_at, j.id) > (p_after[i], p_after_ids[i])
                      AND (p_job_types IS NULL OR j.job_type = ANY (p_job_types))
                    ORDER BY j.scheduled_at, j.id LIMIT v_wanted FOR UPDATE SKIP LOCKED
                ) due
            ) run;
        END IF;
        v_fits := coalesce(cardinality(v_found.ids), 0);
        last_at := v_found.last_at;
        last_id := v_found.ids[v_fits];
        IF v_fits < v_wanted AND lane_key = '' THEN
            word := 'empty';
        ELSIF v_fits = v_wanted AND word IS NOT NULL THEN
            NULL;  -- it has taken what its limit left
        ELSE
            -- Fewer where the limits change or rows are locked by others: the next claim finds out.
            word := 'more';
        END IF;
        RETURN NEXT;
        v_ids := v_ids || coalesce(v_found.ids, '{}');
        v_room := v_room - v_fits;
        v_share := v_share - v_fits;
        -- Of the open lane there is no head.
        IF v_key IS NOT NULL AND v_fits > 0 THEN
            IF v_head.rate IS NOT NULL THEN
                v_rated_keys := v_rated_keys || v_key;
                v_rates := v_rates || v_head.rate;
                v_starts := v_starts || v_fits;
            END IF;
        END IF;
    END LOOP;
    IF v_ids = '{}' THEN
        RETURN;
    END IF;

    RETURN QUERY
    SELECT NULL::text, NULL::text, NULL::double precision, NULL::timestamptz, NULL::uuid,
           s.job_id, s.job_type, s.queue, s.priority, s.payload, s.attempt, s.retry_count, s.max_retries, s.timeout,
           s.scheduled_at, s.lock_token, s.user_id, s.request_id, s.waited, s.concurrency_key, s.has_followers,
           v_rule.concurrency_limit IS NOT NULL OR s.concurrency_key IS NOT NULL
    FROM start_jobs(v_ids, p_worker_id, p_lock_duration, v_rule.concurrency_limit IS NOT NULL) s
    ORDER BY s.scheduled_at, s.job_id;
    IF v_rule.rate_limit IS NOT NULL THEN
        PERFORM note_starts(v_queue_key, v_rule.rate_limit, cardinality(v_ids));
    END IF;
    FOR i IN 1 .. cardinality(v_rated_keys) LOOP
        PERFORM note_starts(v_rated_keys[i], v_rates[i], v_starts[i]);
    END LOOP;
END $$;

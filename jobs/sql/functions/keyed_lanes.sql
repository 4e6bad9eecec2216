-- Lists lanes of one queue and priority that hold jobs, each with its earliest time: a loose scan, one probe of the
-- index for a lane however many jobs wait in it. It steps from user to user first, so that one user with many keys
-- has no larger part of the list than others, and is bounded, so that a hundred thousand lanes make nobody slow:
-- p_from says at which group to begin and p_froms behind which lane of a group; both go round.
CREATE FUNCTION keyed_lanes(
    p_queue text, p_priority integer, p_from text DEFAULT '', p_froms jsonb DEFAULT '{}', p_most integer DEFAULT 500
) RETURNS TABLE (name text, lane_key text, scheduled_at timestamptz, due_in double precision)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
#variable_conflict use_column
DECLARE
    v_head record;
    v_first record;
    v_group record;
    v_start text COLLATE "C" := p_from;
    v_from text COLLATE "C";
    v_begin text COLLATE "C";
    v_round boolean := p_from = '';
    v_wrapped boolean;
    v_total integer := 0;
    v_most integer;
BEGIN
    LOOP
        SELECT j.lane_key AS key, j.scheduled_at AS since INTO v_head FROM job_queue j
        WHERE j.queue = p_queue AND j.priority = p_priority AND j.status = 'pending' AND j.waits_for IS NULL
          AND j.lane_key IS NOT NULL AND j.lane_key >= v_start
        ORDER BY j.lane_key, j.scheduled_at, j.id LIMIT 1;
        IF NOT FOUND OR (v_round AND p_from <> '' AND v_head.key COLLATE "C" >= p_from) THEN
            EXIT WHEN v_round;
            v_round := true;
            v_start := '';
            CONTINUE;
        END IF;
        v_group := lane_group(v_head.key);
        v_most := v_total + CASE WHEN v_group.name = 'k:' THEN greatest(1, p_most / 2)
                                 ELSE greatest(1, p_most / 50) END;
        v_begin := p_froms ->> v_group.name;
        v_wrapped := v_begin IS NULL;
        v_from := v_begin;
        v_first := v_head;
        LOOP
            IF v_from IS NULL THEN
                v_head := v_first;
            ELSE
                SELECT j.lane_key AS key, j.scheduled_at AS since INTO v_head FROM job_queue j
                WHERE j.queue = p_queue AND j.priority = p_priority AND j.status = 'pending' AND j.waits_for IS NULL
                  AND j.lane_key IS NOT NULL AND j.lane_key > v_from AND j.lane_key < v_group.after COLLATE "C"
                ORDER BY j.lane_key, j.scheduled_at, j.id LIMIT 1;
                IF NOT FOUND THEN
                    EXIT WHEN v_wrapped;
                    v_wrapped := true;
                    v_from := NULL;
                    CONTINUE;
                END IF;
            END IF;
            EXIT WHEN v_wrapped AND v_head.key COLLATE "C" > v_begin;
            name := v_group.name;
            lane_key := v_head.key;
            scheduled_at := v_head.since;
            due_in := extract(epoch FROM v_head.since - statement_timestamp());
            RETURN NEXT;
            v_total := v_total + 1;
            EXIT WHEN v_total >= least(v_most, p_most);
            v_from := v_head.key;
        END LOOP;
        EXIT WHEN v_total >= p_most;
        v_start := v_group.after;
    END LOOP;
END $$;

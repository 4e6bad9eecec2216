-- Releases jobs whose dependencies are all met and cancels those that can never run, by the words that
-- settle_dependencies and enqueue left; gives the queue and priority of each released job, and a row of NULLs when
-- words were left for the next call. It waits for nobody: of rows that another transaction has locked, the words stay.
-- The last of several dependencies that are met at once finds all of them met, because its word is read after its
-- commit, by statements that each see what is committed then. Cancelling a job leaves words for those that depend on
-- it; they are read in the same call, so that a whole workflow falls at once, without recursion.
CREATE OR REPLACE FUNCTION release_waiting_jobs(p_limit integer DEFAULT 1000)
RETURNS TABLE (queue text, priority integer) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_after bigint := 0;
    v_read integer := 0;
    v_words bigint[];  -- read in this round
    v_jobs uuid[];     -- whom they are for
    v_new uuid[];      -- those of them that have begun to wait for jobs which were there before
    v_suspect uuid[];  -- those of them that may have a dependency which cannot be met
    v_doomed uuid[];   -- those of them that can never run
    v_free uuid[];     -- those of them that have nothing to wait for
    v_kept uuid[];     -- those of them whose words stay
    v_locked uuid[];
    v_more boolean := false;
BEGIN
    LOOP
        SELECT array_agg(w.id), max(w.id), array_agg(DISTINCT w.job_id),
               array_agg(DISTINCT w.job_id) FILTER (WHERE w.cause = 'begins'),
               array_agg(DISTINCT w.job_id) FILTER (WHERE w.cause <> 'met')
        INTO v_words, v_after, v_jobs, v_new, v_suspect
        FROM (SELECT c.id, c.job_id, c.cause FROM job_release_checks c
              WHERE c.id > v_after ORDER BY c.id LIMIT p_limit FOR UPDATE SKIP LOCKED) w;
        EXIT WHEN v_words IS NULL;
        v_kept := '{}';
        IF v_new IS NOT NULL THEN
            v_kept := follow_jobs(v_new);
        END IF;
        -- One look at each job, and no lock on those that go on waiting. What is open is found by an index; what is
        -- unmet is not, so it is looked for only where there is word of it: a job may have 10,000 dependencies. LIMIT
        -- keeps the planner from reading all of the table, to have it at hand.
        SELECT array_agg(x.id) FILTER (WHERE x.unmet), array_agg(x.id) FILTER (WHERE NOT x.unmet)
        INTO v_doomed, v_free
        FROM (SELECT j.id, j.id = ANY (coalesce(v_suspect, '{}')) AND coalesce((
                         SELECT true FROM job_dependencies d WHERE d.job_id = j.id AND d.status = 'unmet' LIMIT 1), false) AS unmet,
                     (SELECT true FROM job_dependencies d WHERE d.job_id = j.id AND d.status = 'open' LIMIT 1) AS open
              FROM job_queue j
              WHERE j.id = ANY (v_jobs) AND j.status IS NOT DISTINCT FROM 'pending'
                AND j.waits_for IS NOT DISTINCT FROM 'jobs') x
        WHERE x.unmet OR x.open IS NULL;
        IF v_doomed IS NOT NULL OR v_free IS NOT NULL THEN
            SELECT coalesce(array_agg(l.id), '{}') INTO v_locked FROM (
                SELECT j.id FROM job_queue j WHERE j.id = ANY (v_doomed || v_free)
                  AND j.status IS NOT DISTINCT FROM 'pending' AND j.waits_for IS NOT DISTINCT FROM 'jobs'
                ORDER BY j.id FOR NO KEY UPDATE SKIP LOCKED) l;
            v_kept := v_kept || ARRAY(SELECT unnest(v_doomed || v_free) EXCEPT SELECT unnest(v_locked));
        END IF;
        DELETE FROM job_release_checks c WHERE c.id = ANY (v_words) AND c.job_id <> ALL (v_kept);
        v_more := v_more OR cardinality(v_kept) > 0;
        IF v_doomed IS NOT NULL THEN
            UPDATE job_queue j SET status = 'cancelled', cancel_requested_at = clock_timestamp(),
                (error_message, error_details) = (
                    SELECT w.words, jsonb_build_object('error_class', 'DependencyUnmet', 'kind', 'dependency',
                                                       'message', w.words, 'at', clock_timestamp())
                    FROM (SELECT format('It depends on job %s, which %s.', d.depends_on_id, coalesce((
                                            SELECT CASE dependency_status(d.condition, o.status) WHEN 'unmet' THEN 'ended as ' || o.status
                                                ELSE 'ended otherwise and was put back since' END
                                            FROM job_queue o WHERE o.id = d.depends_on_id),
                                        'is not there any more')) AS words
                          FROM job_dependencies d WHERE d.job_id = j.id AND d.status = 'unmet' LIMIT 1) w)
            WHERE j.id = ANY (v_doomed) AND j.id = ANY (v_locked);
        END IF;
        IF v_free IS NOT NULL THEN
            -- Some may just have fallen with a parent that was among the doomed.
            RETURN QUERY
            UPDATE job_queue j SET waits_for = NULL, scheduled_at = greatest(j.scheduled_at, clock_timestamp())
            WHERE j.id = ANY (v_free) AND j.id = ANY (v_locked) AND j.status IS NOT DISTINCT FROM 'pending'
            RETURNING j.queue, j.priority;
        END IF;
        v_read := v_read + cardinality(v_words);
        IF v_read >= 10 * p_limit THEN
            v_more := true;
            EXIT;
        END IF;
    END LOOP;
    IF v_more THEN
        RETURN QUERY SELECT NULL::text, NULL::integer;
    END IF;
END $$

-- Walks over the next p_limit jobs between two ids and deletes those of a kind (completed, failed, cancelled or deleted)
-- that have been so for long enough, with all that is theirs; gives how many, and where the next walk begins: NULL when
-- this one has come to its end. A dead letter that is open has not ended. What somebody has locked is passed over.
-- Ids are in the order of time, so that a walk begins where the last one ended: neither kept jobs nor the index entries
-- of deleted ones are passed again and again. Completed jobs are the mass, and found by the primary key; the others by
-- their own indexes, for which the words stand here as they stand there.
CREATE OR REPLACE FUNCTION prune_jobs(
    p_kind text, p_older interval, p_after uuid, p_before uuid, p_limit integer DEFAULT 1000
) RETURNS TABLE (deleted integer, walked_to uuid) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_walked uuid[];
    v_old uuid[];
BEGIN
    CASE p_kind
    WHEN 'completed' THEN
        v_walked := ARRAY(SELECT j.id FROM job_queue j WHERE j.id > p_after AND j.id < p_before ORDER BY j.id LIMIT p_limit);
    WHEN 'failed' THEN
        v_walked := ARRAY(SELECT j.id FROM job_queue j WHERE j.status = 'failed' AND j.id > p_after AND j.id < p_before
                          ORDER BY j.id LIMIT p_limit);
    WHEN 'cancelled' THEN
        v_walked := ARRAY(SELECT j.id FROM job_queue j WHERE j.status = 'cancelled' AND j.id > p_after AND j.id < p_before
                          ORDER BY j.id LIMIT p_limit);
    WHEN 'deleted' THEN
        v_walked := ARRAY(SELECT j.id FROM job_queue j WHERE j.is_deleted AND j.id > p_after AND j.id < p_before
                          ORDER BY j.id LIMIT p_limit);
    END CASE;
    deleted := 0;
    IF cardinality(v_walked) = 0 THEN
        RETURN NEXT;
        RETURN;
    END IF;
    v_old := ARRAY(
        SELECT j.id FROM job_queue j
        WHERE j.id = ANY (v_walked) AND j.updated_at < now() - p_older
          AND CASE p_kind WHEN 'deleted' THEN j.is_deleted AND j.status IN ('completed', 'failed', 'cancelled')
                          ELSE j.status = p_kind END
        ORDER BY j.id FOR UPDATE SKIP LOCKED
    );
    IF cardinality(v_old) > 0 THEN
        deleted := delete_jobs(v_old);
    END IF;
    walked_to := CASE WHEN cardinality(v_walked) = p_limit THEN v_walked[p_limit] END;
    RETURN NEXT;
END $$

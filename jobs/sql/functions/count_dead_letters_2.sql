-- Keeps job_dead_letter_groups from each statement's changed rows, so that the desk counts nothing; with it what came in
-- which hour, and which users, versions and queues letters have in common.
-- Groups are written in the order of their key, so that two workers cannot deadlock over them; hours and traits only
-- under the lock of their group. An update that moves no letter on or off the desk locks no group at all: a million
-- redriven jobs that succeed do not queue up for one row.
-- A new letter opens a group that was resolved, or muted for a time that is over or for other versions than its own.
-- With its owner's rights: whoever may make a dead letter need not be let into the counts.
CREATE OR REPLACE FUNCTION count_dead_letters() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO job_dead_letter_groups AS g
            (error_fingerprint, job_type, error_class, error_message, open_count, total_count, first_seen_at, last_seen_at)
        SELECT c.error_fingerprint, min(c.job_type), min(c.error_class), min(c.error_message),
               count(*) FILTER (WHERE c.resolution_status IN ('open', 'triaged')), count(*), min(c.moved_at),
               max(c.moved_at)
        FROM changed c GROUP BY c.error_fingerprint ORDER BY c.error_fingerprint
        ON CONFLICT (error_fingerprint) DO UPDATE
        SET open_count = g.open_count + excluded.open_count, total_count = g.total_count + excluded.total_count,
            error_message = excluded.error_message, last_seen_at = greatest(g.last_seen_at, excluded.last_seen_at);
        UPDATE job_dead_letter_groups g SET status = 'open', muted_until = NULL, muted_versions = '{}'
        WHERE g.error_fingerprint IN (SELECT c.error_fingerprint FROM changed c) AND g.status IN ('resolved', 'ignored')
          AND (g.status = 'resolved' OR g.muted_until <= clock_timestamp()
               OR (g.muted_versions <> '{}' AND EXISTS (
                       SELECT FROM changed c
                       WHERE c.error_fingerprint = g.error_fingerprint AND c.version <> ALL (g.muted_versions))));
        INSERT INTO job_dead_letter_hours AS h (error_fingerprint, hour, count)
        SELECT c.error_fingerprint, date_trunc('hour', c.moved_at, 'UTC'), count(*) FROM changed c GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (error_fingerprint, hour) DO UPDATE SET count = h.count + excluded.count;
        WITH traits AS (
            INSERT INTO job_dead_letter_traits AS t
                (error_fingerprint, kind, value, count, first_seen_at, last_seen_at)
            SELECT c.error_fingerprint, v.kind, v.value, count(*), min(c.moved_at), max(c.moved_at)
            FROM changed c JOIN job_dead_letter_groups g ON g.error_fingerprint = c.error_fingerprint
            CROSS JOIN LATERAL (VALUES ('queue', c.queue), ('version', left(c.version, 200)),
                                       ('user', CASE WHEN g.user_count < 1000 THEN c.user_id::text END)) AS v (kind, value)
            WHERE v.value <> ''
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            ON CONFLICT (error_fingerprint, kind, value) DO UPDATE
            SET count = t.count + excluded.count, last_seen_at = greatest(t.last_seen_at, excluded.last_seen_at)
            RETURNING t.error_fingerprint, t.kind, t.xmax = 0 AS is_new
        )
        UPDATE job_dead_letter_groups g SET user_count = least(1000, g.user_count + n.users)
        FROM (SELECT t.error_fingerprint, count(*)::integer AS users FROM traits t
              WHERE t.kind = 'user' AND t.is_new GROUP BY t.error_fingerprint) n
        WHERE g.error_fingerprint = n.error_fingerprint;
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        WITH moved AS (
            SELECT e.error_fingerprint, sum(e.opened) AS opened FROM (
                SELECT c.error_fingerprint, (c.resolution_status IN ('open', 'triaged'))::integer AS opened FROM changed c
                UNION ALL
                SELECT b.error_fingerprint, -(b.resolution_status IN ('open', 'triaged'))::integer FROM before b
            ) e GROUP BY e.error_fingerprint HAVING sum(e.opened) <> 0
        ), held AS MATERIALIZED (
            SELECT g.error_fingerprint, m.opened FROM job_dead_letter_groups g
            JOIN moved m ON m.error_fingerprint = g.error_fingerprint ORDER BY g.error_fingerprint FOR UPDATE OF g
        )
        UPDATE job_dead_letter_groups g SET open_count = g.open_count + h.opened
        FROM held h WHERE g.error_fingerprint = h.error_fingerprint;
    ELSE
        PERFORM FROM job_dead_letter_groups g
        WHERE g.error_fingerprint IN (SELECT b.error_fingerprint FROM before b) ORDER BY g.error_fingerprint FOR UPDATE;
        UPDATE job_dead_letter_groups g SET open_count = g.open_count - d.opened, total_count = g.total_count - d.total
        FROM (SELECT b.error_fingerprint, count(*) AS total,
                     count(*) FILTER (WHERE b.resolution_status IN ('open', 'triaged')) AS opened
              FROM before b GROUP BY b.error_fingerprint) d
        WHERE g.error_fingerprint = d.error_fingerprint;
        -- What people have written beside a group outlives its letters.
        WITH gone AS (
            DELETE FROM job_dead_letter_groups g
            WHERE g.total_count = 0 AND g.error_fingerprint IN (SELECT b.error_fingerprint FROM before b)
              AND g.status IN ('open', 'resolved') AND g.assignee_id IS NULL AND g.note = '' AND g.ticket = ''
            RETURNING g.error_fingerprint
        ), hours AS (
            DELETE FROM job_dead_letter_hours h WHERE h.error_fingerprint IN (SELECT gone.error_fingerprint FROM gone)
        )
        DELETE FROM job_dead_letter_traits t WHERE t.error_fingerprint IN (SELECT gone.error_fingerprint FROM gone);
    END IF;
    RETURN NULL;
END $$

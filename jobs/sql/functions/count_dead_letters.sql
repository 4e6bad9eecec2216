-- Keeps job_dead_letter_groups from each statement's changed rows, so that the desk counts nothing.
-- Groups are written in the order of their key, so that two workers cannot deadlock over them.
CREATE OR REPLACE FUNCTION count_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO job_dead_letter_groups AS g
            (error_fingerprint, job_type, error_class, error_message, open_count, total_count, first_seen_at, last_seen_at)
        SELECT c.error_fingerprint, min(c.job_type), min(c.error_class), min(c.error_message),
               count(*) FILTER (WHERE c.resolution_status = 'open'), count(*), min(c.moved_at), max(c.moved_at)
        FROM changed c GROUP BY c.error_fingerprint ORDER BY c.error_fingerprint
        ON CONFLICT (error_fingerprint) DO UPDATE
        SET open_count = g.open_count + excluded.open_count, total_count = g.total_count + excluded.total_count,
            error_message = excluded.error_message, last_seen_at = greatest(g.last_seen_at, excluded.last_seen_at);
        RETURN NULL;
    END IF;
    PERFORM FROM job_dead_letter_groups g
    WHERE g.error_fingerprint IN (SELECT b.error_fingerprint FROM before b) ORDER BY g.error_fingerprint FOR UPDATE;
    IF TG_OP = 'UPDATE' THEN
        UPDATE job_dead_letter_groups g SET open_count = g.open_count + d.opened
        FROM (SELECT e.error_fingerprint, sum(e.opened) AS opened FROM (
                  SELECT c.error_fingerprint, (c.resolution_status = 'open')::integer AS opened FROM changed c
                  UNION ALL
                  SELECT b.error_fingerprint, -(b.resolution_status = 'open')::integer FROM before b
              ) e GROUP BY e.error_fingerprint) d
        WHERE g.error_fingerprint = d.error_fingerprint AND d.opened <> 0;
    ELSE
        UPDATE job_dead_letter_groups g SET open_count = g.open_count - d.opened, total_count = g.total_count - d.total
        FROM (SELECT b.error_fingerprint, count(*) FILTER (WHERE b.resolution_status = 'open') AS opened, count(*) AS total
              FROM before b GROUP BY b.error_fingerprint) d
        WHERE g.error_fingerprint = d.error_fingerprint;
        DELETE FROM job_dead_letter_groups g
        WHERE g.total_count = 0 AND g.error_fingerprint IN (SELECT b.error_fingerprint FROM before b);
    END IF;
    RETURN NULL;
END $$

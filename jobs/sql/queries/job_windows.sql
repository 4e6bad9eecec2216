-- The ids at which windows of so many jobs end, from an id downwards: each is looked at by a statement of its own, so that
-- no statement reads much of history for a filter that has no index. Ids alone, from the primary key.
SELECT id FROM (
    SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM (
        SELECT id FROM job_queue WHERE id < %(before)s ORDER BY id DESC LIMIT %(most)s
    ) newest
) placed
WHERE place %% %(window)s = 0
ORDER BY id DESC

-- What is still to be sent to the search engine. Slot by slot, as the database index of changed jobs is ordered. Nothing
-- is counted further than this: after an outage there may be a million deletions, of which the oldest stand in front.
WITH dirty AS (
    SELECT count(*) AS jobs, min(d.updated_at) AS oldest
    FROM job_search_slots s CROSS JOIN LATERAL (
        SELECT j.updated_at FROM job_queue j
        WHERE (get_byte(uuid_send(j.id), 15) & 3) = s.number AND j.es_sync_version < j.version
        ORDER BY j.updated_at LIMIT %(most)s) d
), deleted AS (
    SELECT count(*) AS jobs, min(deleted_at) AS oldest
    FROM (SELECT deleted_at FROM job_search_tombstones LIMIT %(most)s) t
)
SELECT least(dirty.jobs, %(most)s),
       greatest(0, coalesce(extract(epoch FROM clock_timestamp() - least(dirty.oldest, deleted.oldest)), 0))::float8,
       deleted.jobs, (SELECT count(*) FROM (SELECT FROM job_search_rejections LIMIT %(most)s) r)
FROM dirty, deleted

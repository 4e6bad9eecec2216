-- Marks jobs as sent to the search engine. Rows that are locked are about to change: they are stepped over, for whoever
-- has locked them may take long. The lock is no more than an UPDATE takes.
UPDATE job_queue j
SET es_sync_version = greatest(j.es_sync_version, free.version), es_synced_at = clock_timestamp()
FROM (
    SELECT q.id, s.version
    FROM unnest(%(ids)s::uuid[], %(versions)s::bigint[]) AS s (id, version) JOIN job_queue q ON q.id = s.id
    WHERE q.es_sync_version < s.version
    FOR NO KEY UPDATE OF q SKIP LOCKED
) free
WHERE j.id = free.id
RETURNING j.id

-- Jobs of one slot that changed since they were sent to the search engine, in the order of the database index of changed
-- jobs. Left out are versions that were sent while somebody had the row locked, so that they could not be marked: in the
-- version that comes of it they are found again. Should the clock be put back, times in the future are no reason to wait.
SELECT j.id FROM job_queue j
WHERE (get_byte(uuid_send(j.id), 15) & 3) = %(slot)s AND j.es_sync_version < j.version
  AND (j.updated_at <= now() - make_interval(secs => %(settle)s) OR j.updated_at > now())
  AND (j.id, j.version) NOT IN (
      SELECT s.id, s.version FROM unnest(%(ids)s::uuid[], %(versions)s::bigint[]) AS s (id, version))
ORDER BY j.updated_at
LIMIT %(most)s

-- The free slots that have something to send: a job that changed, a job that was deleted, or a document that the engine
-- once refused and whose time for another try has come. Ordered and limited, so that each is one step on an index.
SELECT s.number FROM job_search_slots s
WHERE (s.held_until IS NULL OR s.held_until < clock_timestamp())
  AND ((SELECT true FROM job_queue j
        WHERE (get_byte(uuid_send(j.id), 15) & 3) = s.number AND j.es_sync_version < j.version
          AND (j.updated_at <= now() - make_interval(secs => %(settle)s) OR j.updated_at > now())
        ORDER BY j.updated_at LIMIT 1)
       OR (SELECT true FROM job_search_tombstones t WHERE (get_byte(uuid_send(t.job_id), 15) & 3) = s.number LIMIT 1)
       OR (SELECT true FROM job_search_rejections r
           WHERE (get_byte(uuid_send(r.job_id), 15) & 3) = s.number AND r.retry_at <= now()
           ORDER BY r.retry_at LIMIT 1))
ORDER BY s.number

-- Puts documents aside that the search engine refused. The next try is after a minute, then four times as long each time
-- the same version is refused again, up to six hours; never all at the same moment.
INSERT INTO job_search_rejections AS r (job_id, version, error_message, retry_at)
SELECT s.id, s.version, s.words, clock_timestamp() + interval '1 minute' * (0.5 + random() / 2)
FROM unnest(%(ids)s::uuid[], %(versions)s::bigint[], %(words)s::text[]) AS s (id, version, words)
ON CONFLICT (job_id) DO UPDATE
SET version = excluded.version, error_message = excluded.error_message, rejected_at = clock_timestamp(),
    tries = CASE WHEN r.version = excluded.version THEN r.tries + 1 ELSE 1 END,
    retry_at = CASE WHEN r.version = excluded.version
        THEN clock_timestamp() + least(interval '6 hours', interval '1 minute' * power(4, least(r.tries, 10)))
             * (0.5 + random() / 2)
        ELSE excluded.retry_at END

-- Since when some change has not been sent to the search engine; NULL while all have been.
-- Slot by slot, as the database index of changed jobs is ordered: it reads one entry of each, however many there are.
SELECT min(d.updated_at)
FROM generate_series(0, 3) AS s(number) CROSS JOIN LATERAL (
    SELECT j.updated_at FROM job_queue j
    WHERE (get_byte(uuid_send(j.id), 15) & 3) = s.number AND j.es_sync_version < j.version
    ORDER BY j.updated_at LIMIT 1
) d

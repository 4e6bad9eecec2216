-- What time it is, and since when some change has not been sent to the search engine: NULL while all have been. No row
-- while no index serves. Slot by slot, as the database index of changed jobs is ordered: one entry of each is read.
SELECT clock_timestamp(), (
    SELECT min(d.updated_at) FROM generate_series(0, 3) AS s(number) CROSS JOIN LATERAL (
        SELECT j.updated_at FROM job_queue j
        WHERE (get_byte(uuid_send(j.id), 15) & 3) = s.number AND j.es_sync_version < j.version
        ORDER BY j.updated_at LIMIT 1
    ) d
) FROM job_search_indexes WHERE state = 'serving'

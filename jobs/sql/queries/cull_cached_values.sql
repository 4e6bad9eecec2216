-- Forget what has expired; beyond the room that there is, what would expire soonest, and count that as evicted.
WITH expired AS (
    DELETE FROM cached_values WHERE expires <= clock_timestamp()
), ranked AS (
    SELECT cache_key,
           row_number() OVER nearest AS entries,
           -- The stored size is in the row's head: no value is read for it.
           sum(pg_column_size(value)) OVER nearest AS bytes
    FROM cached_values
    WHERE expires > clock_timestamp()
    WINDOW nearest AS (ORDER BY expires DESC, cache_key)
), evicted AS (
    DELETE FROM cached_values v USING ranked r
    WHERE v.cache_key = r.cache_key AND (r.entries > %(most_entries)s OR r.bytes > %(most_bytes)s)
    RETURNING 1
)
INSERT INTO cache_counters AS c (name, count)
SELECT 'evictions', count(*) FROM evicted HAVING count(*) > 0
ON CONFLICT (name) DO UPDATE SET count = c.count + excluded.count

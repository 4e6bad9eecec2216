-- Names closed hours that get rows. The update matters even where the hour is named already: it takes the row's lock,
-- so that a roll-up that is redoing the hour waits for these rows or leaves the hour for another time.
INSERT INTO late_hours (hour, touched_at)
SELECT DISTINCT date_trunc('hour', moment, 'UTC'), clock_timestamp() FROM unnest(%s::timestamptz[]) AS moment
WHERE moment < %s
ORDER BY 1
ON CONFLICT (hour) DO UPDATE SET touched_at = clock_timestamp()

-- Takes one free slot for whoever sends, if nobody is just taking it: its token tells them apart from who had it before.
UPDATE job_search_slots
SET token = token + 1, held_until = clock_timestamp() + make_interval(secs => %(seconds)s), holder = %(holder)s
WHERE number = (
    SELECT number FROM job_search_slots
    WHERE number = ANY (%(numbers)s) AND (held_until IS NULL OR held_until < clock_timestamp())
    ORDER BY array_position(%(numbers)s, number)
    LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING number, token

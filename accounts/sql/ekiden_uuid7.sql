-- A UUIDv7 (milliseconds of the clock, then random bits), so that rows inserted without Django sort by time too.
-- PostgreSQL's own uuidv7() exists only from version 18.
CREATE OR REPLACE FUNCTION public.ekiden_uuid7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        -- gen_random_uuid() says version 4 (0100); bits 52 and 53 make it 7 (0111). The variant bits are right already.
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$

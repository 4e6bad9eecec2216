-- Gives a job with a concurrency key its lane, where whoever submits it has not: psql, or another language.
CREATE OR REPLACE FUNCTION set_lane_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lane_key := 'k:' || NEW.concurrency_key;
    RETURN NEW;
END $$

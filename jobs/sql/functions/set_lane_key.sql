-- Gives a job with a concurrency key its lane, where whoever submits it has not: psql, or another language. Without a
-- limit of its own one such job runs at a time, as everywhere.
CREATE OR REPLACE FUNCTION set_lane_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.lane_key := 'k:' || NEW.concurrency_key;
    IF NEW.concurrency_limit IS NULL AND NEW.rate_limit IS NULL THEN
        NEW.concurrency_limit := 1;
    END IF;
    RETURN NEW;
END $$;

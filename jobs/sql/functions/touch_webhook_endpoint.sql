-- Raises version and updated_at at every write of an endpoint, but for what deliveries alone keep there: whoever edits
-- one that is failing would else be told at every attempt that somebody has changed it.
CREATE FUNCTION touch_webhook_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept CONSTANT text[] := ARRAY['failing_since', 'failures', 'rests_until', 'dropped', 'version', 'updated_at'];
BEGIN
    IF to_jsonb(NEW) - kept = to_jsonb(OLD) - kept THEN
        NEW.version := OLD.version;
        NEW.updated_at := OLD.updated_at;
    ELSE
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$

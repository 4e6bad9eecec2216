-- Raises version and updated_at at every write of a schedule, whoever writes, but for what firing alone keeps there:
-- a schedule of every minute would else be stale to whoever edits it for longer than that.
CREATE OR REPLACE FUNCTION touch_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept CONSTANT text[] := ARRAY['next_run_at', 'last_run_at', 'last_job', 'skipped', 'last_error',
                                  'version', 'updated_at'];
BEGIN
    IF NEW IS DISTINCT FROM OLD AND to_jsonb(NEW) - kept = to_jsonb(OLD) - kept THEN
        NEW.version := OLD.version;
        NEW.updated_at := OLD.updated_at;
    ELSE
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER touch_schedule ON job_schedules;
CREATE TRIGGER touch_schedule BEFORE UPDATE ON job_schedules FOR EACH ROW EXECUTE FUNCTION touch_schedule();

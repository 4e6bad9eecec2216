-- Raises version and updated_at at every write of a job, whoever writes: ORM, psql or another language.
-- A write that changes nothing but the search sync's own marks is not a change of the job.
CREATE OR REPLACE FUNCTION touch_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.es_sync_version <> OLD.es_sync_version OR NEW.es_synced_at IS DISTINCT FROM OLD.es_synced_at)
       AND (to_jsonb(NEW) - 'es_sync_version' - 'es_synced_at') = (to_jsonb(OLD) - 'es_sync_version' - 'es_synced_at')
    THEN
        RETURN NEW;
    END IF;
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$

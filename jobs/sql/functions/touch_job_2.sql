-- Raises version and updated_at at every write of a job, whoever writes: ORM, psql or another language.
-- A write that changes nothing but the search sync's own marks is not a change of the job: found by comparing the stored
-- bytes of both rows, since marks are written for every job and a payload may be long.
CREATE OR REPLACE FUNCTION touch_job() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_unmarked job_queue;
BEGIN
    IF NEW.es_sync_version <> OLD.es_sync_version OR NEW.es_synced_at IS DISTINCT FROM OLD.es_synced_at THEN
        v_unmarked := NEW;
        v_unmarked.es_sync_version := OLD.es_sync_version;
        v_unmarked.es_synced_at := OLD.es_synced_at;
        IF v_unmarked *= OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$

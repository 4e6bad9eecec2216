-- Writes down which jobs were deleted for good, so that the search engine is told, with a version above all that it may
-- have been sent. With its owner's rights: whoever deletes a job need not be let into the table. The trigger that calls
-- this is made by `manage.py search enable` and dropped by `search disable`.
CREATE FUNCTION note_deleted_jobs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO job_search_tombstones AS t (job_id, version, deleted_at)
    SELECT d.id, d.version + 1, clock_timestamp() FROM deleted d
    ON CONFLICT (job_id) DO UPDATE
    SET version = greatest(t.version, excluded.version), deleted_at = excluded.deleted_at;
    RETURN NULL;
END $$

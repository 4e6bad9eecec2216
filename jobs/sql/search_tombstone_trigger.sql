-- Notes deleted jobs for the search engine, once for each statement: see note_deleted_jobs. Made by
-- `manage.py search enable`, dropped by `disable`.
CREATE OR REPLACE TRIGGER note_deleted_jobs AFTER DELETE ON job_queue
    REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION note_deleted_jobs()

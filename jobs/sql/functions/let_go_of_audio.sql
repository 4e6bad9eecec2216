-- Notes the file of a podcast that is deleted, however that comes about: by a person, with its article, in SQL. A worker
-- deletes the file. With the owner's rights, because whoever may delete a podcast has no business with files.
CREATE FUNCTION let_go_of_audio() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.audio <> NEW.audio THEN
        INSERT INTO loose_files (name) VALUES (OLD.audio) ON CONFLICT (name) DO UPDATE SET due_at = clock_timestamp();
    END IF;
    RETURN NULL;
END $$

-- A unique key that a job has let go of on its way may be another's by now, and no worker can ask whose: so a job that
-- starts without holding its key, or ends in a status that would hold it again, has let go of it for good. Only a
-- person's retry or redrive takes a key back, and asks first.
CREATE OR REPLACE FUNCTION let_go_of_unique_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (CASE NEW.status
        WHEN 'pending' THEN false
        WHEN 'processing' THEN NOT NEW.status = ANY (NEW.unique_states)
        ELSE NEW.status = ANY (NEW.unique_states) AND NOT OLD.status = ANY (OLD.unique_states)
    END) THEN
        NEW.unique_states := '{}';
    END IF;
    RETURN NEW;
END $$

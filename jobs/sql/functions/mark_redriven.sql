-- Marks a job that comes back from the dead, whoever redrives it: at its next end somebody wants to hear of it.
CREATE FUNCTION mark_redriven() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.redriven := true;
    RETURN NEW;
END $$

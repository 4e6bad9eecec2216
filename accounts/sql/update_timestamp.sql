-- Keeps updated_at right whoever writes the row: Django, psql or another language.
CREATE OR REPLACE FUNCTION meta.update_timestamp() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END;
$$

-- Counts one execution of a session and notes when it was. Whoever raises the count raises it by one, by however much
-- they said: the count and the time of the last execution cannot come apart.
CREATE OR REPLACE FUNCTION meta.update_session_on_execute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.execution_count := OLD.execution_count + 1;
    NEW.last_executed_at := clock_timestamp();
    RETURN NEW;
END $$

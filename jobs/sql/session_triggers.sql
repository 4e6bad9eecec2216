-- The condition stands here, so that closing and expiring call no function.
CREATE TRIGGER update_session_on_execute BEFORE UPDATE ON meta.sessions FOR EACH ROW
    WHEN (NEW.execution_count > OLD.execution_count) EXECUTE FUNCTION meta.update_session_on_execute()

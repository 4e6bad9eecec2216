-- Only jobs that others follow, and jobs with a concurrency key, pay for these.
CREATE TRIGGER settle_dependencies AFTER UPDATE OF status ON job_queue FOR EACH ROW
    WHEN (NEW.has_followers AND NEW.status IN ('completed', 'failed', 'cancelled', 'dead_letter')
          AND NEW.status <> OLD.status)
    EXECUTE FUNCTION settle_dependencies();
CREATE TRIGGER set_lane_key BEFORE INSERT ON job_queue FOR EACH ROW
    WHEN (NEW.concurrency_key IS NOT NULL AND NEW.lane_key IS NULL) EXECUTE FUNCTION set_lane_key();

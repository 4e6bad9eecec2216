-- Only jobs that were redriven pay for the last two: no other row is looked at further than its columns in WHEN.
CREATE TRIGGER describe_dead_letter BEFORE INSERT ON job_dead_letter_queue
    FOR EACH ROW EXECUTE FUNCTION describe_dead_letter();
CREATE TRIGGER mark_redriven BEFORE UPDATE OF status ON job_queue FOR EACH ROW
    WHEN (OLD.status = 'dead_letter' AND NEW.status = 'pending') EXECUTE FUNCTION mark_redriven();
CREATE TRIGGER settle_redrive AFTER UPDATE OF status ON job_queue FOR EACH ROW
    WHEN (NEW.redriven AND NEW.status IN ('completed', 'failed', 'cancelled', 'dead_letter') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION settle_redrive();

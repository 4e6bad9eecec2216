-- Cancellations pay one look at the index of children, other outcomes nothing.
CREATE TRIGGER cancel_children AFTER UPDATE OF status, cancel_requested_at ON job_queue FOR EACH ROW
    WHEN (NEW.cancel_requested_at IS NOT NULL AND pg_trigger_depth() = 0
          AND (OLD.cancel_requested_at IS NULL OR (NEW.status = 'cancelled' AND OLD.status <> 'cancelled')))
    EXECUTE FUNCTION cancel_children();
CREATE TRIGGER cancel_late_child BEFORE INSERT ON job_queue FOR EACH ROW
    WHEN (NEW.parent_id IS NOT NULL AND NEW.status = 'pending') EXECUTE FUNCTION cancel_late_child();
-- Words come and go by the thousand: vacuum by their number.
ALTER TABLE job_release_checks SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

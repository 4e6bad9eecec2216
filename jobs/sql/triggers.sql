-- Triggers of the queue's tables; the functions carry the reasons.
CREATE TRIGGER touch_job BEFORE UPDATE ON job_queue FOR EACH ROW EXECUTE FUNCTION touch_job();
CREATE TRIGGER touch_task BEFORE UPDATE ON job_tasks FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE TRIGGER touch_schedule BEFORE UPDATE ON job_schedules FOR EACH ROW EXECUTE FUNCTION touch_row();
CREATE CONSTRAINT TRIGGER job_enters_dead_letter AFTER INSERT OR UPDATE OF status ON job_queue
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'dead_letter') EXECUTE FUNCTION check_dead_letter();
CREATE CONSTRAINT TRIGGER job_leaves_dead_letter AFTER UPDATE OF status ON job_queue
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.status = 'dead_letter' AND NEW.status <> 'dead_letter') EXECUTE FUNCTION check_dead_letter();
CREATE CONSTRAINT TRIGGER dead_letter_matches_job
    AFTER INSERT OR DELETE OR UPDATE OF resolution_status, original_job_id ON job_dead_letter_queue
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_dead_letter();
CREATE TRIGGER count_new_dead_letters AFTER INSERT ON job_dead_letter_queue
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();
CREATE TRIGGER count_changed_dead_letters AFTER UPDATE ON job_dead_letter_queue
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();
CREATE TRIGGER count_deleted_dead_letters AFTER DELETE ON job_dead_letter_queue
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION count_dead_letters();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON job_audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Vacuum by the number of dead rows, not by a share of history; both tables churn with every job.
ALTER TABLE job_queue SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
                           autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE job_processing_locks SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
                                      autovacuum_vacuum_cost_delay = 0);

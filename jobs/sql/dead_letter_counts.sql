-- What /metrics knows of dead letters; one trigger per event, as transition tables want it.
CREATE TRIGGER job_dead_letter_queue_noted AFTER INSERT ON job_dead_letter_queue
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_dead_letters();
CREATE TRIGGER job_dead_letter_queue_settled AFTER UPDATE ON job_dead_letter_queue
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_dead_letters();

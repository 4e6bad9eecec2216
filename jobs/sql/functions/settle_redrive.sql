-- Writes down what became of a redriven job, at its letter: resolved if it completed now, else how it ended. Only the last
-- death of a job is meant; those before it have their outcome. The job's row is locked by whoever ended it.
-- With its owner's rights: a client may cancel a redriven job of its own, and does not see letters.
CREATE FUNCTION settle_redrive() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    UPDATE job_dead_letter_queue d
    SET resolution_status = CASE WHEN NEW.status = 'completed' THEN 'resolved' ELSE d.resolution_status END,
        redrive_outcome = CASE NEW.status WHEN 'completed' THEN 'succeeded' WHEN 'dead_letter' THEN 'died_again'
                                          ELSE NEW.status END,
        redrive_ended_at = clock_timestamp()
    WHERE d.original_job_id = NEW.id AND d.resolution_status = 'redriven' AND d.redrive_outcome <> 'died_again'
      -- A person who resolves the job's next letter does not make this redrive succeed.
      AND OLD.status <> 'dead_letter';
    RETURN NULL;
END $$

-- Makes the triggers that note events, and with p_drop drops those that no active endpoint wants any more; gives how
-- many it has made and dropped. They are made and dropped, not enabled and disabled: PostgreSQL gathers the changed
-- rows for a disabled trigger, too. With its owner's rights, because only the owner of a table may.
-- It waits for locks so briefly that nobody has to queue behind it for long; where it raises, nothing has been done,
-- and it is called again.
CREATE FUNCTION switch_webhook_events(p_drop boolean) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    v_wanted text[];
    v_switched integer := 0;
    v_trigger record;
    v_there boolean;
BEGIN
    SELECT array_agg(DISTINCT w.event) INTO v_wanted
    FROM (SELECT unnest(events) AS event FROM job_webhook_endpoints WHERE is_active) w;
    FOR v_trigger IN
        SELECT * FROM (VALUES
            ('webhook_new_jobs', 'job_queue', '{job.created}'::text[],
             'AFTER INSERT ON job_queue REFERENCING NEW TABLE AS changed FOR EACH STATEMENT', 'note_webhook_new_jobs'),
            ('webhook_job_ends', 'job_queue',
             '{job.started,job.completed,job.failed,job.cancelled,job.dead_letter}',
             'AFTER UPDATE ON job_queue REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT',
             'note_webhook_job_ends'),
            ('webhook_new_dead_letters', 'job_dead_letter_queue', '{dead_letter.opened}',
             'AFTER INSERT ON job_dead_letter_queue REFERENCING NEW TABLE AS changed FOR EACH STATEMENT',
             'note_webhook_dead_letters'),
            ('webhook_settled_dead_letters', 'job_dead_letter_queue',
             '{dead_letter.opened,dead_letter.redriven,dead_letter.resolved,dead_letter.discarded}',
             'AFTER UPDATE ON job_dead_letter_queue REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT',
             'note_webhook_dead_letters'),
            ('webhook_queues', 'job_queues', '{queue.paused,queue.resumed}',
             'AFTER INSERT OR UPDATE OF paused ON job_queues FOR EACH ROW', 'note_webhook_queues')
        ) AS t (name, on_table, events, made, calls)
    LOOP
        v_there := EXISTS (SELECT FROM pg_trigger WHERE tgrelid = v_trigger.on_table::regclass AND tgname = v_trigger.name);
        IF v_trigger.events && v_wanted AND NOT v_there THEN
            -- Two may be here at once.
            EXECUTE format('CREATE OR REPLACE TRIGGER %I %s EXECUTE FUNCTION %I()',
                           v_trigger.name, v_trigger.made, v_trigger.calls);
            v_switched := v_switched + 1;
        ELSIF p_drop AND v_there AND NOT coalesce(v_trigger.events && v_wanted, false) THEN
            EXECUTE format('DROP TRIGGER IF EXISTS %I ON %I', v_trigger.name, v_trigger.on_table);
            v_switched := v_switched + 1;
        END IF;
    END LOOP;
    RETURN v_switched;
END $$

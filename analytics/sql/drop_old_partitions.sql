-- Drops the logs that old_log_partitions() names and gives the names; with dry_run it only gives them. For psql,
-- pg_cron and workers, which own no tables. It waits at most a second for the lock of a partition, for nobody can use
-- the logs meanwhile; what is too busy stays until the next call. `manage.py partitions` detaches without that lock.
CREATE OR REPLACE FUNCTION public.drop_old_partitions(retention_months integer, dry_run boolean DEFAULT false)
RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '1s' AS $$
DECLARE
    v_old record;
BEGIN
    FOR v_old IN SELECT * FROM public.old_log_partitions(retention_months) LOOP
        IF NOT dry_run THEN
            BEGIN
                EXECUTE format(CASE WHEN v_old.detaching THEN 'ALTER TABLE public.%I DETACH PARTITION public.%I FINALIZE'
                                    ELSE 'ALTER TABLE public.%I DETACH PARTITION public.%I' END,
                               v_old.parent, v_old.name);
                EXECUTE format('DROP TABLE public.%I', v_old.name);
            EXCEPTION WHEN lock_not_available THEN
                RAISE WARNING '% is in use and stays for now', v_old.name;
                RETURN;
            END;
        END IF;
        RETURN NEXT v_old.name;
    END LOOP;
END
$$

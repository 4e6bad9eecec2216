-- Makes the partitions that hold `since` and, with p_months, everything until so many months later; those that exist
-- stay. Gives the names of the new ones. Months in which somebody began with days go on with days.
-- A table is made beside its parent and attached: unlike CREATE TABLE … PARTITION OF, that lets others read and write
-- the logs all the while. SECURITY DEFINER: those who write logs own no tables; they need EXECUTE, which is not
-- PUBLIC's.
CREATE OR REPLACE FUNCTION public.create_log_partitions(
    since timestamptz, p_months integer DEFAULT 0, granularity text DEFAULT 'monthly'
) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '5s' AS $$
DECLARE
    v_unit text := CASE granularity WHEN 'monthly' THEN 'month' WHEN 'daily' THEN 'day' END;
    v_step interval;
    v_starts timestamptz;
    v_ends timestamptz;
    v_parent text;
    v_name text;
BEGIN
    IF v_unit IS NULL THEN
        RAISE EXCEPTION 'Partitions are monthly or daily, not %.', granularity USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF since < 'epoch' OR since > now() + interval '10 years' OR since IS NULL THEN
        RAISE EXCEPTION 'Logs of % are of no known time.', since USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF p_months IS NULL OR p_months NOT BETWEEN 0 AND (CASE v_unit WHEN 'day' THEN 12 ELSE 120 END) THEN
        RAISE EXCEPTION 'So many months ahead are too many: %.', p_months USING ERRCODE = 'invalid_parameter_value';
    END IF;
    v_step := ('1 ' || v_unit)::interval;
    -- One caller at a time; whoever waited finds the partition there.
    PERFORM pg_advisory_xact_lock(hashtext('ekiden.log_partitions'));
    v_starts := date_trunc(v_unit, since);
    WHILE v_starts <= since + make_interval(months => p_months) LOOP
        v_ends := v_starts + v_step;
        FOREACH v_parent IN ARRAY ARRAY['request_logs', 'error_logs'] LOOP
            CONTINUE WHEN EXISTS (
                SELECT FROM public.log_partitions() p
                WHERE p.parent = v_parent AND p.starts <= v_starts AND p.ends >= v_ends
            );
            IF EXISTS (
                SELECT FROM public.log_partitions() p
                WHERE p.parent = v_parent AND p.starts < v_ends AND p.ends > v_starts
            ) THEN
                -- Only a month can be begun and not whole.
                RETURN QUERY
                SELECT made FROM generate_series(v_starts, v_ends - interval '1 day', interval '1 day') AS day,
                    public.create_log_partitions(day, 0, 'daily') AS made;
                CONTINUE;
            END IF;
            v_name := v_parent || to_char(
                v_starts, CASE v_unit WHEN 'day' THEN '"_y"YYYY"m"MM"d"DD' ELSE '"_y"YYYY"m"MM' END);
            EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL EXCLUDING COMMENTS)', v_name, v_parent);
            -- Nobody is granted anything on a partition; if it happens all the same, there is no policy either.
            EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', v_name);
            EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                           v_parent, v_name, v_starts, v_ends);
            RETURN NEXT v_name;
        END LOOP;
        v_starts := v_ends;
    END LOOP;
END
$$

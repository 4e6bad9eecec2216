-- Lets models use plain table names in three schemas. On the database, because per-session settings do not survive
-- every connection pooler; and on this session, because the rest of the migration needs it already.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = public, meta, analytics', current_database());
    SET search_path = public, meta, analytics;
END
$$

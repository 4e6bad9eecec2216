-- The way back from set_search_path.sql.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
    RESET search_path;
END
$$

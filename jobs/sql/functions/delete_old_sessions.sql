-- Deletes closed and expired sessions whose end lies p_days back, all of them or the p_limit oldest, and says how many.
-- Jobs keep the id of their session as text, so nothing refers to what goes.
CREATE OR REPLACE FUNCTION meta.delete_old_sessions(p_days integer, p_limit integer DEFAULT NULL) RETURNS integer
LANGUAGE sql AS $$
    WITH old AS (
        SELECT request_id FROM meta.sessions
        WHERE status <> 'active' AND expires_at < statement_timestamp() - make_interval(days => p_days)
        ORDER BY expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), deleted AS (
        DELETE FROM meta.sessions AS session USING old WHERE session.request_id = old.request_id RETURNING 1
    )
    SELECT count(*)::integer FROM deleted
$$

-- Marks active sessions past their end as expired, all of them or the p_limit that ended first, and says how many.
-- A session that somebody is about to extend or close is locked and passed over, so nobody waits for anybody;
-- executes ask for the end by the clock and do not depend on this mark. The time is the statement's, which stands
-- still: only then the index on the ends of active sessions answers.
CREATE OR REPLACE FUNCTION meta.cleanup_expired_sessions(p_limit integer DEFAULT NULL) RETURNS integer
LANGUAGE sql AS $$
    WITH ended AS (
        SELECT request_id FROM meta.sessions
        WHERE status = 'active' AND expires_at <= statement_timestamp()
        ORDER BY expires_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
    ), marked AS (
        UPDATE meta.sessions AS session SET status = 'expired'
        FROM ended WHERE session.request_id = ended.request_id RETURNING 1
    )
    SELECT count(*)::integer FROM marked
$$

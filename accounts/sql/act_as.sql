-- Says on whose behalf the rest of the transaction works; the policies read it. The web process's role goes on as
-- ekiden_operator for those who may see every row: staff, programs that run jobs, and the system itself. Savepoints
-- and transactions take all of it back as they end, so nothing is left on a connection that a pool hands on.
CREATE OR REPLACE FUNCTION public.act_as(p_user_id text, p_user_pk uuid, p_role text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_sees_all boolean := coalesce(p_role, '') IN ('operator', 'admin', 'viewer', 'worker', 'system');
BEGIN
    PERFORM pg_catalog.set_config('app.current_user_id', coalesce(p_user_id, ''), true),
            pg_catalog.set_config('app.current_user_pk', coalesce(p_user_pk::text, ''), true),
            pg_catalog.set_config('app.current_role', coalesce(p_role, ''), true);
    IF v_sees_all AND current_user = 'ekiden_app' THEN
        PERFORM pg_catalog.set_config('role', 'ekiden_operator', true);
    ELSIF NOT v_sees_all AND current_user = 'ekiden_operator' THEN
        PERFORM pg_catalog.set_config('role', 'ekiden_app', true);
    END IF;
END
$$

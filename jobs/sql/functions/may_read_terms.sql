-- Tells whether whoever asks may know of an owner's terms: as that owner, or with a role that reads the table anyway.
-- For functions that act with their owner's rights, where current_user is not who asks.
CREATE FUNCTION may_read_terms(p_owner bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT has_table_privilege(
        coalesce(nullif(current_setting('role'), 'none'), session_user), 'public.article_vectors', 'SELECT'
    ) OR coalesce(
        ('x' || right(replace(nullif(current_setting('app.current_user_pk', true), ''), '-', ''), 16))::bit(64)::bigint
            = p_owner,
        false
    )
$$;

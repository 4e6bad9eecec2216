-- Gives the user whose API key, present or retired, ended or not, has this hash: the one question that must be answered
-- before it is known on whose behalf to ask. SECURITY DEFINER, and EXECUTE is not PUBLIC's.
CREATE OR REPLACE FUNCTION meta.find_key_owner(p_hash text) RETURNS SETOF meta.users
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.* FROM meta.users u WHERE u.api_key_hash = p_hash OR u.retired_api_key_hash = p_hash
$$

-- Gives the ids of the articles that have all of these terms, of one owner or of several. The index holds the keys of
-- all owners, each made of the term and its owner, so that nobody's search walks the articles of others.
-- Not subject to row-level security, under which PostgreSQL takes no array operator for an index.
CREATE FUNCTION articles_with_terms(p_owners bigint[], p_terms bigint[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off
SET enable_indexscan = off SET enable_indexonlyscan = off ROWS 100 AS $$
    SELECT v.article_id
    FROM unnest(p_owners) o (owner)
    CROSS JOIN LATERAL (SELECT array_agg(t.term # o.owner) AS keys FROM unnest(p_terms) t (term)) wanted
    JOIN article_vectors v ON v.keys @> wanted.keys
    WHERE v.owner = o.owner AND may_read_terms(o.owner)
$$;

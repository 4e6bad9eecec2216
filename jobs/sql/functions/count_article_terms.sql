-- Keeps in how many articles of its owner each term occurs, and how many articles that are. One owner's vectors are
-- counted one transaction after the other, because most articles have the frequent terms in common. With the rights
-- of its owner: an article is deleted by the web process too, which may not touch the counts.
CREATE FUNCTION count_article_terms() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off
SET enable_mergejoin = off SET enable_hashjoin = off AS $$
DECLARE
    v_before bigint[] := '{}';
    v_after bigint[] := '{}';
    v_gone bigint[];
BEGIN
    IF TG_OP <> 'INSERT' THEN
        v_before := OLD.keys[1:cardinality(OLD.counts)] || OLD.owner;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        v_after := NEW.keys[1:cardinality(NEW.counts)] || NEW.owner;
    END IF;
    PERFORM pg_advisory_xact_lock(
        'article_terms'::regclass::oid::integer,
        (CASE TG_OP WHEN 'DELETE' THEN OLD.owner ELSE NEW.owner END)::bit(32)::integer
    );
    INSERT INTO article_terms AS t (key, articles)
    SELECT added.key, 1 FROM (SELECT unnest(v_after) EXCEPT SELECT unnest(v_before)) added (key) ORDER BY added.key
    ON CONFLICT (key) DO UPDATE SET articles = t.articles + 1;
    IF TG_OP <> 'INSERT' THEN
        v_gone := ARRAY(SELECT unnest(v_before) EXCEPT SELECT unnest(v_after));
        UPDATE article_terms SET articles = articles - 1 WHERE key = ANY (v_gone);
        DELETE FROM article_terms WHERE key = ANY (v_gone) AND articles <= 0;
    END IF;
    RETURN NULL;
END $$;

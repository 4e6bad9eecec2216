-- Takes a deleted article out of searches and comparisons, whoever has deleted it: the web process may not by itself.
CREATE FUNCTION drop_article_vector() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM article_vectors WHERE article_id = NEW.id;
    RETURN NULL;
END $$;

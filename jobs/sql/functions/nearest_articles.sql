-- Gives the articles of an owner that are most like these terms: the cosine of TF-IDF vectors, 1 for the same text.
-- A term weighs (1 + ln n) * (1 + ln((1 + articles) / (1 + articles with it))), n times in the text.
--
-- Candidates are those that have the strongest terms, by what they have of them and their length; terms are taken until
-- 40 are, or 20,000 articles have been walked by, but eight always. Then the exact value of the best 40 of them. Of
-- 10,000 articles the ten nearest by a comparison with all were found for each of a hundred; docs/decisions.md
-- has the figures.
--
-- Rows are looked up by sub-selects (one is kept by its OFFSET) and not by joins: how many terms an array has, the
-- planner cannot know, and in the joins that are left it must never go through one side for each row of the other.
CREATE FUNCTION nearest_articles(
    p_owner bigint, p_keys bigint[], p_counts smallint[], p_except uuid, p_limit integer
) RETURNS TABLE (article_id uuid, score double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_indexscan = on SET enable_indexonlyscan = off SET enable_mergejoin = off
SET enable_nestloop = off SET jit = off SET work_mem = '16MB' ROWS 10 AS $$
#variable_conflict use_column
DECLARE
    v_articles double precision;
    v_candidates uuid[];
BEGIN
    IF NOT may_read_terms(p_owner) THEN
        RETURN;
    END IF;
    -- Terms are looked for in the index of terms alone, however small the planner believes the table to be.
    PERFORM set_config('enable_indexscan', 'off', true);
    SELECT 1 + t.articles INTO v_articles FROM article_terms t WHERE t.key = p_owner;
    WITH known AS (
        SELECT q.key, q.n, (SELECT t.articles FROM article_terms t WHERE t.key = q.key) AS articles
        FROM unnest(p_keys, p_counts) q (key, n)
    ), asked AS (
        SELECT k.key, k.articles, 1 + ln(v_articles / (1 + k.articles)) AS rarity, 1 + ln(k.n) AS often
        FROM known k WHERE k.articles > 0
    ), ranked AS (
        SELECT a.key, a.often * a.rarity * a.rarity AS worth, row_number() OVER strongest AS place,
               sum(a.articles) OVER strongest AS walked
        FROM asked a WINDOW strongest AS (ORDER BY a.often * a.rarity DESC, a.key)
    ), strong AS MATERIALIZED (
        SELECT r.key, r.worth FROM ranked r WHERE r.place <= 8 OR r.place <= 40 AND r.walked <= 20000
    ), best AS (
        SELECT v.article_id
        FROM strong s JOIN LATERAL (
            SELECT w.article_id, w.length FROM article_vectors w WHERE w.keys @> ARRAY[s.key] AND w.owner = p_owner
        ) v ON v.article_id IS DISTINCT FROM p_except
        GROUP BY v.article_id, v.length ORDER BY sum(s.worth) / v.length DESC, v.article_id
        LIMIT greatest(40, 2 * p_limit)
    )
    SELECT array_agg(b.article_id) INTO v_candidates FROM best b;

    PERFORM set_config('enable_indexscan', 'on', true);
    RETURN QUERY
    WITH known AS (
        SELECT q.key, q.n, (SELECT t.articles FROM article_terms t WHERE t.key = q.key) AS articles
        FROM unnest(p_keys, p_counts) q (key, n)
    ), asked AS MATERIALIZED (
        SELECT k.key, (1 + ln(k.n)) * (1 + ln(v_articles / (1 + k.articles))) AS weight FROM known k WHERE k.articles > 0
    ), seen AS MATERIALIZED (
        SELECT c.article_id, k.key, 1 + ln(k.n) AS often
        FROM unnest(v_candidates) c (article_id)
        CROSS JOIN LATERAL (
            SELECT v.keys[1:cardinality(v.counts)] AS keys, v.counts
            FROM article_vectors v WHERE v.article_id = c.article_id OFFSET 0
        ) v
        CROSS JOIN LATERAL unnest(v.keys, v.counts) k (key, n)
    ), rarity AS MATERIALIZED (
        SELECT d.key, 1 + ln(v_articles / (1 + (SELECT t.articles FROM article_terms t WHERE t.key = d.key))) AS rarity
        FROM (SELECT DISTINCT s.key FROM seen s) d
    )
    SELECT s.article_id,
           least(1, coalesce(sum(s.often * r.rarity * a.weight), 0) / sqrt(sum(s.often * r.rarity * s.often * r.rarity))
                    / (SELECT sqrt(sum(weight * weight)) FROM asked))
    FROM seen s JOIN rarity r ON r.key = s.key LEFT JOIN asked a ON a.key = s.key
    GROUP BY s.article_id ORDER BY 2 DESC, 1 LIMIT p_limit;
END $$;

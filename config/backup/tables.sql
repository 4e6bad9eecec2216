-- Every table that holds rows, with what a restore of it alone has to know: the table that it is a partition of, and
-- its indexes and sequences. Tables of extensions are theirs to fill.
SELECT format('%I.%I', n.nspname, c.relname) AS name,
       (SELECT format('%I.%I', pn.nspname, p.relname)
        FROM pg_inherits
        JOIN pg_class p ON p.oid = inhparent
        JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE inhrelid = c.oid) AS parent,
       c.relkind = 'p' AS partitioned,
       ARRAY(SELECT i.relname::text FROM pg_index JOIN pg_class i ON i.oid = indexrelid
             WHERE indrelid = c.oid ORDER BY 1) AS indexes,
       ARRAY(SELECT s.relname::text FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
             WHERE d.refobjid = c.oid AND d.deptype IN ('a', 'i') ORDER BY 1) AS sequences
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e')
ORDER BY 1

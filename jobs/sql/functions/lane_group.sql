-- Says who shares a turn with a lane: all lanes of one user of a fair queue, or all that belong to keys alone. `after`
-- is behind every lane of the group, in the order of their names.
CREATE FUNCTION lane_group(p_lane_key text, OUT name text, OUT after text) LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_lane_key LIKE 'u:%' THEN split_part(p_lane_key, '/', 1)
                WHEN p_lane_key LIKE 'k:%' THEN 'k:' ELSE p_lane_key END,
           CASE WHEN p_lane_key LIKE 'u:%' THEN split_part(p_lane_key, '/', 1) || '0'
                WHEN p_lane_key LIKE 'k:%' THEN 'k;' ELSE p_lane_key || chr(1) END
$$;

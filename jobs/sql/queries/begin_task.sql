-- An attempt at a task of Django's framework begins: the job remembers when its first attempt began and its last, and
-- who worked on it (the last thousand times). Matched by the lock's token: a worker that lost the job begins nothing.
-- Nothing waits for the disk, unless the commit is that of more than this: what a crash of the server forgets here, the
-- next attempt writes again.
UPDATE job_queue j
SET metadata = j.metadata || jsonb_build_object('django_task', known.facts || jsonb_build_object(
    'started_at', coalesce(known.facts->'started_at', to_jsonb(j.started_at)),
    'last_attempted_at', j.started_at,
    'worker_ids', CASE WHEN jsonb_array_length(known.workers) < 1000 THEN known.workers ELSE known.workers - 0 END
        || to_jsonb(known.worker_id)))
FROM (
    SELECT set_config('synchronous_commit', CASE WHEN %s THEN 'off' ELSE current_setting('synchronous_commit') END, true),
           l.job_id, l.worker_id, own.facts,
           CASE WHEN jsonb_typeof(own.facts->'worker_ids') = 'array' THEN own.facts->'worker_ids' ELSE '[]' END AS workers
    FROM job_processing_locks l JOIN job_queue q ON q.id = l.job_id
    -- People may have written anything there.
    CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(q.metadata->'django_task') = 'object'
                                    THEN q.metadata->'django_task' ELSE '{}' END AS facts) own
    WHERE l.job_id = %s AND l.lock_token = %s
) known
WHERE j.id = known.job_id AND j.status IS NOT DISTINCT FROM 'processing'
RETURNING j.id, j.job_type, j.status, j.queue, j.priority, j.payload, j.result, j.metadata, j.error_history,
    j.error_message, j.created_at, j.started_at, j.completed_at, j.failed_at, j.cancel_requested_at

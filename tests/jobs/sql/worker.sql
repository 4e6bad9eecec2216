-- A worker in another language, with psql alone. Each line it prints says what happened; the test knows them by heart.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '

-- Enqueue: defaults, choices, a key, and one that is rolled back.
SELECT enqueue_job('resize', '{"n": 1}') AS plain \gset
SELECT enqueue_job('resize', '{"n": 2}', 'images', 9, p_max_retries => 1, p_tags => '{a,b}', p_timeout => 30) AS urgent \gset
SELECT enqueue_job('mail', '{"n": 3}', p_unique_key => 'k') AS keyed \gset
SELECT 'same key', enqueue_job('mail', '{"n": 4}', p_unique_key => 'k') = :'keyed';
SELECT enqueue_job('resize', '{"n": 5}', p_scheduled_at => now() + interval '1 hour') AS later \gset
BEGIN;
SELECT 'rolled back', enqueue_job('resize') IS NOT NULL;
ROLLBACK;
SELECT 'waiting', count(*) FROM job_queue WHERE status = 'pending';

-- Acquire: nothing of a paused queue, nothing of another type, nothing before its time.
INSERT INTO job_queues (name, paused) VALUES ('images', true);
SELECT 'paused', payload FROM acquire_job_lock('psql-1', '{resize}', '1 minute', 10);
UPDATE job_queues SET paused = false;
SELECT job_id AS held, lock_token AS token FROM job_processing_locks \gset
SELECT 'given back', count(*) FROM release_jobs(ARRAY[:'held'::uuid], ARRAY[:token::bigint]);
SELECT 'attempt not counted', attempt, status FROM job_queue WHERE id = :'held';
SELECT 'other type', count(*) FROM acquire_job_lock('psql-1', '{nothing}', '1 minute', 10);
SELECT 'one queue', payload, queue, attempt, retry_count, max_retries, timeout
FROM acquire_job_lock('psql-1', '{resize,mail}', '1 minute', 10, '{images}');
SELECT 'batch', string_agg(payload->>'n', ',' ORDER BY priority DESC, job_id)
FROM acquire_job_lock('psql-1', '{resize,mail}', '1 minute', 10);
SELECT 'empty', count(*) FROM acquire_job_lock('psql-1', '{resize,mail}', '1 minute', 10);

-- Renew and complete, fenced by the token.
SELECT lock_token AS token FROM job_processing_locks WHERE job_id = :'plain' \gset
SELECT 'renewed', renew_job_lock(:'plain', :token, '10 minutes'), renew_job_lock(:'plain', :token + 1000);
SELECT 'ends later', expires_at > clock_timestamp() + interval '9 minutes' FROM job_processing_locks WHERE job_id = :'plain';
SELECT 'wrong token', complete_job(:'plain', :token + 1000, '{"done": true}');
SELECT 'completed', complete_job(:'plain', :token, '{"done": true}');
SELECT 'twice', complete_job(:'plain', :token, '{"done": false}');
SELECT 'result', status, result, progress, completed_at IS NOT NULL FROM job_queue WHERE id = :'plain';

-- Fail: a retry after 2^0 seconds, then no retry is left.
SELECT lock_token AS token FROM job_processing_locks WHERE job_id = :'urgent' \gset
SELECT 'first failure', fail_job(:'urgent', :token, 'Timeout', 'no answer from 10.0.0.1', '{"frame": "resize.lua:7"}');
SELECT 'waits', scheduled_at - clock_timestamp() BETWEEN interval '0.5 s' AND interval '1 s', retry_count
FROM job_queue WHERE id = :'urgent';
SELECT 'not yet', count(*) FROM acquire_job_lock('psql-1', '{resize}');
UPDATE job_queue SET scheduled_at = clock_timestamp() WHERE id = :'urgent';
SELECT lock_token AS token FROM acquire_job_lock('psql-1', '{resize}') \gset
SELECT 'second failure', fail_job(:'urgent', :token, 'Timeout', 'no answer from 10.0.0.2', '{"frame": "resize.lua:7"}');
SELECT 'too late', fail_job(:'urgent', :token, 'Timeout', 'again') IS NULL;
SELECT 'dead letter', d.job_type, d.payload, d.error_class, cardinality(d.error_history), g.open_count
FROM job_dead_letter_queue d JOIN job_dead_letter_groups g USING (error_fingerprint) WHERE d.original_job_id = :'urgent';

-- An error that no retry can mend, and a wait of the worker's own choice.
SELECT enqueue_job('mail', '{"n": 6}') AS hopeless \gset
SELECT lock_token AS token FROM acquire_job_lock('psql-1', '{mail}') WHERE job_id = :'hopeless' \gset
SELECT 'hopeless', fail_job(:'hopeless', :token, 'BadAddress', 'nobody', p_retryable => false);
SELECT lock_token AS token FROM job_processing_locks WHERE job_id = :'keyed' \gset
SELECT 'own wait', fail_job(:'keyed', :token, 'Busy', 'later', p_retry_in => '1 hour');
SELECT 'an hour', scheduled_at > clock_timestamp() + interval '59 minutes' FROM job_queue WHERE id = :'keyed';
UPDATE job_queue SET scheduled_at = clock_timestamp() WHERE id = :'keyed';

-- Lose a lock: another worker gets the job, and what the first one says changes nothing.
SELECT lock_token AS stale FROM acquire_job_lock('psql-1', '{mail}', '1 microsecond') \gset
SELECT 'rescued', cleanup_expired_locks(), cleanup_expired_locks();
SELECT 'uses a retry', status, retry_count, error_details->>'error_class', error_details->>'worker'
FROM job_queue WHERE id = :'keyed';
UPDATE job_queue SET scheduled_at = clock_timestamp() WHERE id = :'keyed';
SELECT lock_token AS token FROM acquire_job_lock('psql-2', '{mail}') \gset
SELECT 'new token', :token > :stale;
SELECT 'late renewal', renew_job_lock(:'keyed', :stale);
SELECT 'late outcome', complete_job(:'keyed', :stale, '"late"');
SELECT 'late failure', fail_job(:'keyed', :stale, 'E', 'late') IS NULL;
SELECT 'right outcome', complete_job(:'keyed', :token);
SELECT 'in the end', status, attempt, result IS NULL FROM job_queue WHERE id = :'keyed';
SELECT 'key is free', enqueue_job('mail', p_unique_key => 'k') <> :'keyed';

-- Lost again and again, with no retry left: a dead letter, not a loop.
SELECT enqueue_job('killer', p_max_retries => 0) AS killer \gset
SELECT 'any type', string_agg(job_type, ',' ORDER BY job_type)
FROM acquire_job_lock('psql-3', NULL, '1 microsecond', 10, '{default}');
SELECT 'buried', cleanup_expired_locks() > 0;
SELECT 'killer', j.status, d.error_class FROM job_queue j JOIN job_dead_letter_queue d ON d.original_job_id = j.id
WHERE j.id = :'killer';
SELECT 'locks left', count(*) FROM job_processing_locks;

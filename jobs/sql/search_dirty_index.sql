-- Jobs that changed since they were sent to the search engine, by slot (the last bits of the id) and by when they changed.
-- Empty when all is sent, and without search it is not there: `manage.py search enable` makes it, `disable` drops it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS job_search_dirty
ON job_queue ((get_byte(uuid_send(id), 15) & 3), updated_at) WHERE es_sync_version < version

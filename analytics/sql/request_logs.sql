-- One row for each invoke, execute and job submission. There is no DEFAULT partition: it would forbid DETACH
-- CONCURRENTLY. The key must hold the partition's column; ids are UUIDv7, and timestamp is the time in the id.
-- Django cannot make partitioned tables.
CREATE TABLE public.request_logs (
    id uuid NOT NULL DEFAULT ekiden_uuid7(),
    request_id varchar(128) NOT NULL,
    language_title varchar(128) NOT NULL,
    timestamp timestamptz NOT NULL,
    client_ip varchar(45) NOT NULL DEFAULT '',
    user_id varchar(128) NOT NULL DEFAULT '',
    request_headers jsonb,
    request_payload jsonb,
    response_payload jsonb,
    status_code integer NOT NULL CHECK (status_code BETWEEN 100 AND 599),
    duration_ms integer NOT NULL CHECK (duration_ms >= 0),
    cached boolean NOT NULL DEFAULT false,
    error_details jsonb,
    runtime_metrics jsonb,
    PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);
-- Ranges of time: the roll-ups and the retention read them, in the order in which they were written.
CREATE INDEX request_logs_time ON public.request_logs USING brin (timestamp) WITH (pages_per_range = 32);
-- What a client reports: "the request with this X-Request-ID".
CREATE INDEX request_logs_request ON public.request_logs (request_id);
-- A user's own, newest first.
CREATE INDEX request_logs_user ON public.request_logs (user_id, id);
-- A function's, newest first.
CREATE INDEX request_logs_function ON public.request_logs (language_title, id);
-- Accepted work whose end nobody has reported yet.
CREATE INDEX request_logs_open ON public.request_logs (id) WHERE status_code IN (201, 202);

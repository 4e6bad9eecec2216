-- One row for each failed attempt. Partitioned by the request's timestamp, so that an error lies beside its request
-- and goes with it.
CREATE TABLE public.error_logs (
    id uuid NOT NULL DEFAULT ekiden_uuid7(),
    request_log_id uuid NOT NULL,
    request_timestamp timestamptz NOT NULL,
    timestamp timestamptz NOT NULL DEFAULT clock_timestamp(),
    user_id varchar(128) NOT NULL DEFAULT '',
    error_code varchar(64) NOT NULL,
    error_message text NOT NULL,
    stack_trace text NOT NULL DEFAULT '',
    context jsonb,
    PRIMARY KEY (id, request_timestamp)
) PARTITION BY RANGE (request_timestamp);
-- The errors of one request.
CREATE INDEX error_logs_request ON public.error_logs (request_log_id);
-- Ranges of time: the roll-ups.
CREATE INDEX error_logs_time ON public.error_logs USING brin (timestamp) WITH (pages_per_range = 32);
-- A user's own, newest first.
CREATE INDEX error_logs_user ON public.error_logs (user_id, id);
-- Those of one kind, newest first.
CREATE INDEX error_logs_code ON public.error_logs (error_code, id);

-- Failed attempts. Several may report the same one, under the same id.
INSERT INTO error_logs (
    id, request_log_id, request_timestamp, timestamp, user_id, error_code, error_message, stack_trace, context
)
SELECT * FROM unnest(
    %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::jsonb[]
)
ON CONFLICT (id, request_timestamp) DO NOTHING

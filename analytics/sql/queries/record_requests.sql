-- The part of the request log that web processes know. Where the work has ended before its request is written down,
-- the row is there already, and how it ended stays as the worker said.
INSERT INTO request_logs (
    id, request_id, language_title, timestamp, client_ip, user_id, request_headers, request_payload, response_payload,
    status_code, duration_ms, cached, error_details, runtime_metrics
)
SELECT * FROM unnest(
    %s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::jsonb[],
    %s::integer[], %s::integer[], %s::boolean[], %s::jsonb[], %s::jsonb[]
)
ON CONFLICT (id, timestamp) DO UPDATE
SET request_id = excluded.request_id, language_title = excluded.language_title, client_ip = excluded.client_ip,
    user_id = excluded.user_id, request_headers = excluded.request_headers, request_payload = excluded.request_payload

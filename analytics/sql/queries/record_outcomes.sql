-- How the work of requests ended, as workers know it; the request's own part may come later.
INSERT INTO request_logs (
    id, request_id, language_title, timestamp, user_id, response_payload, status_code, duration_ms, error_details,
    runtime_metrics
)
SELECT * FROM unnest(
    %s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::jsonb[], %s::integer[], %s::integer[],
    %s::jsonb[], %s::jsonb[]
)
ON CONFLICT (id, timestamp) DO UPDATE
SET response_payload = excluded.response_payload, status_code = excluded.status_code,
    duration_ms = excluded.duration_ms, error_details = excluded.error_details,
    runtime_metrics = excluded.runtime_metrics

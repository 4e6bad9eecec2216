-- Whether an active endpoint wants to be told of this. Events of jobs of nobody in particular, and of queues, are for
-- those endpoints alone that get everybody's. Whether an owner may still have everybody's is looked at by whoever
-- delivers, who knows roles.
CREATE FUNCTION webhook_event_wanted(p_type text, p_user_id uuid, p_job_type text, p_queue text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM job_webhook_endpoints w
        WHERE w.is_active AND p_type = ANY (w.events) AND (w.everyone OR w.user_id = p_user_id)
          AND (w.job_types = '{}' OR p_job_type = ANY (w.job_types)) AND (w.queues = '{}' OR p_queue = ANY (w.queues))
    )
$$

-- What a dry run of a provider asks of the database besides what the provider asks.

-- name: has_active_job
-- Whether a job of this integration waits or runs: it and a dry run would wait for each other's rows.
select exists (
    select from integration_jobs
    where tenant_id = $1 and provider_slug = $2 and status in ('pending', 'running')
);

-- name: stand_idle
-- Let this transaction stand idle as long as the outside system takes: it lives from the first request to the last.
set local idle_in_transaction_session_timeout = 0;

-- What POST /v1/jobs answered to an Idempotency-Key: a client that lost the answer asks again and gets it, instead of a
-- second job or a 409. The row is written in the transaction that creates the job, so that there is never one without
-- the other, and a second request with the key waits for the first.
create table if not exists drena.idempotency_keys (
    tenant_id uuid not null,
    principal text not null,
    key text not null,
    fingerprint bytea not null,
    status smallint,
    answer text,
    at timestamptz not null default now(),
    primary key (tenant_id, principal, key)
);
create index if not exists idempotency_keys_at on drena.idempotency_keys (at);

comment on column drena.idempotency_keys.fingerprint is 'of the request: the same key with another one is a conflict';

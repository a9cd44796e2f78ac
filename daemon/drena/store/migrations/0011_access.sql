-- Who may see and do what. People come by user_tenants and user_roles (adopted by 0001, or created there); programs by
-- service tokens, of which only a digest is kept: the token is 256 random bits, so a plain SHA-256 of it is as good as it
-- gets, and it can be looked up by index.

create table if not exists drena.service_tokens (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    hash bytea not null unique,
    scopes text[] not null default '{read}'
        check (scopes <@ array['read', 'run', 'manage'] and cardinality(scopes) > 0),
    tenants uuid[], -- null: every tenant
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
create unique index if not exists service_tokens_one_live_per_name
    on drena.service_tokens (name) where revoked_at is null;

-- Open connections live by what was true when they began: whoever changes it wakes the gates of all nodes, which read it
-- again. Constant payload, folded within a transaction; where LISTEN is not to be had, the gates' poll finds the change.
create or replace function drena.wake_gates() returns trigger
language plpgsql as $$
begin
    perform pg_notify('drena_access', '');
    return null;
end
$$;

create or replace trigger drena_wake_gates after insert or update or delete or truncate on public.user_tenants
    for each statement execute function drena.wake_gates();
create or replace trigger drena_wake_gates after insert or update or delete or truncate on public.user_roles
    for each statement execute function drena.wake_gates();
-- Not for last_used_at, which is written at almost every use.
create or replace trigger drena_wake_gates
    after update of scopes, tenants, expires_at, revoked_at or delete or truncate on drena.service_tokens
    for each statement execute function drena.wake_gates();

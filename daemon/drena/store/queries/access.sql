-- Who may see and do what: people's memberships, programs' tokens.

-- name: read_memberships
-- What each of these users may see: every tenant, or a list, and where he is an administrator. A row for every id.
-- $1 ids.
select u.id as user_id,
       exists (select from user_roles r where r.user_id = u.id and r.role::text = 'admin') as sees_all,
       coalesce(array_agg(t.tenant_id) filter (where t.tenant_id is not null), '{}') as tenants,
       coalesce(array_agg(t.tenant_id) filter (where t.role = 'admin'), '{}') as admin_of
from unnest($1::uuid[]) u(id) left join user_tenants t on t.user_id = u.id and t.tenant_id is not null
group by u.id;

-- name: read_offices
-- What tenants there are, as one digest: whoever may see all of them compares it with the last.
select md5(coalesce(string_agg(md5(concat_ws(' ', o.id, o.slug, o.nome)), '' order by o.id), '')) as digest from organizacoes o;

-- name: use_token
-- The token with this digest, if there is one, good or not; notes its use, at most once a minute. $1 SHA-256.
with found as (
    select * from drena.service_tokens where hash = $1
), used as (
    update drena.service_tokens t set last_used_at = now()
    from found f
    where t.id = f.id and f.revoked_at is null and coalesce(f.expires_at > now(), true)
      and coalesce(f.last_used_at < now() - interval '1 minute', true)
)
select f.id, f.name, f.scopes, f.tenants, f.expires_at, f.revoked_at is not null as revoked,
       extract(epoch from f.expires_at - now())::double precision as left_s
from found f;

-- name: read_tokens
-- These tokens as they are now. $1 ids.
select t.id, t.name, t.scopes, t.tenants, t.expires_at, t.revoked_at is not null as revoked,
       extract(epoch from t.expires_at - now())::double precision as left_s
from drena.service_tokens t where t.id = any ($1::uuid[]);

-- name: create_token
-- Keeps a new token's digest; nothing comes back when a live one has the name. $1 name, $2 SHA-256, $3 scopes,
-- $4 tenants or null for all, $5 seconds it is good for, or null.
insert into drena.service_tokens (name, hash, scopes, tenants, expires_at)
values ($1, $2, $3, $4, now() + make_interval(secs => $5))
on conflict (name) where revoked_at is null do nothing
returning id;

-- name: list_tokens
-- Every token that was ever made, or the one with this id, never its digest, the newest first. $1 id or null.
select t.id, t.name,
       case when t.revoked_at is not null then 'revoked' when t.expires_at <= now() then 'expired' else 'live' end
           as state,
       t.scopes,
       case when t.tenants is not null then
           (select coalesce(array_agg(coalesce(o.slug, w.id::text) order by o.slug), '{}')
            from unnest(t.tenants) w(id) left join organizacoes o on o.id = w.id) end as tenants,
       t.created_at, t.expires_at, t.revoked_at, t.last_used_at
from drena.service_tokens t
where $1::uuid is null or t.id = $1
order by t.created_at desc, t.id;

-- name: revoke_token
-- Ends the live token with this name or id; the gates of all nodes hear of it. $1 name, or id as text.
update drena.service_tokens t set revoked_at = now()
where (t.name = $1 or t.id::text = lower($1)) and t.revoked_at is null
returning t.id;

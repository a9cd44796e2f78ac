-- What is looked at and done before the first migration of a database that has tables of an old system.

-- name: public_columns
-- Every column of the schema `public`, and whether an insert must give it a value.
select table_name::text as table_name, column_name::text as name, data_type::text as type,
    is_nullable = 'NO' and column_default is null and is_identity = 'NO' and is_generated = 'NEVER' as must_be_given
from information_schema.columns
where table_schema = 'public';

-- name: keep_company_columns
-- Old tables that call their company `empresa_id` keep that column and its writers: the name that Drena reads is a
-- column beside it, and a trigger keeps the two the same.
do $$
declare
    each record;
begin
    create or replace function drena.same_company() returns trigger language plpgsql as $body$
    declare
        mine text := to_jsonb(new) ->> tg_argv[0];
        theirs text := to_jsonb(new) ->> 'empresa_id';
    begin
        if tg_op = 'UPDATE' and mine is not distinct from to_jsonb(old) ->> tg_argv[0] then
            mine := theirs;
        end if;
        mine := coalesce(mine, theirs);
        return jsonb_populate_record(new, jsonb_build_object(tg_argv[0], mine, 'empresa_id', mine));
    end
    $body$;
    for each in
        select c.table_name, t.name
        from information_schema.columns c
        join (values ('bc_contracts', 'portal_company_id'), ('bc_invoice_map', 'portal_company_id'),
                     ('bc_sync_log', 'portal_company_id'), ('onecode_contact_match_log', 'company_id'),
                     ('onecode_contact_review', 'suggested_company_id')) as t (table_name, name) using (table_name)
        where c.table_schema = 'public' and c.column_name = 'empresa_id' and not exists (
            select from information_schema.columns o
            where o.table_schema = 'public' and o.table_name = c.table_name and o.column_name = t.name)
    loop
        execute format('alter table public.%I add column %I uuid', each.table_name, each.name);
        execute format('update public.%I set %I = empresa_id::text::uuid', each.table_name, each.name);
        execute format('create trigger drena_same_company before insert or update on public.%I '
                       'for each row execute function drena.same_company(%L)', each.table_name, each.name);
    end loop;
end
$$;

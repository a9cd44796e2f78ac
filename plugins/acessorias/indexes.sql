-- What `drena_acessorias.mirror` looks companies up by. Both hold on a table of any contents: nothing is unique here.
-- The expressions are those of mirror.py, to the letter: an index on another spelling is not used.

create index if not exists idx_empresas_documento
    on public.empresas (organizacao_id, upper(regexp_replace(cnpj, '[^0-9A-Za-z]', '', 'g')));

create index if not exists idx_empresas_external
    on public.empresas (organizacao_id, external_source, external_key);

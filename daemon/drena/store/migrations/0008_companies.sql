-- Companies are matched by document, whatever its formatting, and by the key of the system they came from. Without these a
-- page of 20 reads the office's whole table. The expressions are those of the providers' statements, character by character.

create index if not exists idx_empresas_documento
    on public.empresas (organizacao_id, upper(regexp_replace(cnpj, '[^0-9A-Za-z]', '', 'g')));
create index if not exists idx_empresas_external
    on public.empresas (organizacao_id, external_source, external_key);

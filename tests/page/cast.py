"""Who stands in the pictures, and in which letters."""

from __future__ import annotations

OFFICES = [
    ("contmax", "Contmax Contabilidade", "running"),
    ("horizonte", "Horizonte Contábil", "retrying"),
    ("aurora", "Aurora Assessoria Contábil", "success"),
    ("solaris", "Solaris Gestão Empresarial", "error"),
    ("pampa", "Pampa Contadores Associados", "waiting"),
    ("litoral", "Escritório Litoral", "configured"),
    ("serra", "Serra & Filhos Contabilidade", "paused"),
    ("vale", "Vale do Aço Contábil", "disabled"),
]
"""Slug, name, and the state to be seen in."""

HISTORY = """
insert into integration_jobs (tenant_id, provider_slug, status, progress, attempts, created_at, started_at, finished_at,
                              execution_time_ms, result, error_code, error_message)
select $1, 'acessorias', case when failed then 'error' else 'success' end, 100, 1 + n % 2, at, at, at + took,
       extract(epoch from took) * 1000,
       case when not failed then
           jsonb_build_object('read', 318, 'created', n % 4, 'updated', n % 17, 'skipped', 318 - n % 4 - n % 17,
                              'errors', 0)
       end,
       case when failed then 'http_401' end,
       case when failed then
           'O Acessórias recusou o token deste escritório (401). Gere um novo em Configurações › API e salve-o.' end
from (
    select n, now() - n * interval '11 hours' as at,
           interval '47 seconds' + (n * 7919 % 31) * interval '1 second' as took,
           n % 9 = 3 or ($2 and n < 3) as failed
    from generate_series(1, 60) n
    where extract(dow from now() - n * interval '11 hours') between 1 and 5
) as past
"""

MANY = """
with office as (
    insert into organizacoes (nome, slug) select 'Contábil nº ' || lpad(n::text, 4, '0'), 'office-' || n
    from generate_series(0, $1 - 1) n returning id, slug
)
insert into tenant_integrations (tenant_id, provider, last_status, last_error)
select id, 'acessorias', case when failed then 'error' end, case when failed then 'sem acesso' end
from office, lateral (select slug in ('office-1190', 'office-1199')) as of (failed)
"""
"""So many offices; the last runs of two of them failed."""

FONT = """
const sheet = new CSSStyleSheet();
sheet.replaceSync(':root { font-family: Inter, system-ui, sans-serif; }');
document.adoptedStyleSheets.push(sheet);
"""
"""The letters of an office's screen, if they are here; a server's own are wider than anybody sees them."""

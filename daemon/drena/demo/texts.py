"""Every text of the demo, Portuguese and English. `{names}` in braces are filled in by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from drena.texts import Language


def say(language: Language, key: str, **values: Any) -> str:
    """The text of this key."""
    return TEXTS[key][0 if language == "pt" else 1].format(**values)


TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    # the stage
    "title": ("Drena em um minuto", "Drena in one minute"),
    "intro": (
        "Um PostgreSQL descartável, uma API falsa do Acessórias e o daemon, só nesta máquina. Nada fica depois.",
        "A throwaway PostgreSQL, a fake Acessórias API and the daemon, on this machine alone. Nothing stays behind.",
    ),
    "starting": ("preparando o banco e a API…", "preparing the database and the API…"),
    "migrating": ("adotando o banco…", "adopting the database…"),
    "sweeping": ("limpando…", "sweeping…"),
    "joining": ("o daemon está subindo…", "the daemon is starting…"),
    "asking": ("pedindo…", "asking…"),
    "ready": ("PostgreSQL {version} e a API em {url}: prontos.", "PostgreSQL {version} and the API at {url} are up."),
    "office_holds": (
        "{name}: {companies} empresas na fonte: {kinds}, {inactive} inativas, {doubled} cadastros repetidos.",
        "{name}: {companies} companies at the source: {kinds}, {inactive} inactive, {doubled} registered twice.",
    ),
    "kind_CNPJ": ("{count} CNPJ", "{count} CNPJ"),
    "kind_alfa": ("{count} CNPJ alfanumérico", "{count} alphanumeric CNPJ"),
    "kind_CPF": ("{count} CPF", "{count} CPF"),
    "kind_CAEPF": ("{count} CAEPF", "{count} CAEPF"),
    "typed_before": (
        "Em cada escritório já há {rows} linhas digitadas à mão, com o documento escrito de cinco jeitos.",
        "In each office people had typed {rows} rows by hand, writing the document in five ways.",
    ),
    "stay_title": ("Tudo continua no ar", "Everything stays up"),
    "stay": (
        "Abra {url} no navegador: é a página de status, sem senha, só nesta máquina. Ctrl-C encerra.",
        "Open {url} in a browser: the status page, without a password, for this machine alone. Ctrl-C ends it.",
    ),
    # 1
    "settle_title": ("O que o sistema antigo deixou travado", "What the old system left stuck"),
    "col_what": ("job", "job"),
    "col_where": ("onde", "where"),
    "col_was": ("estava", "was"),
    "col_age": ("há", "for"),
    "col_now": ("ficou", "now"),
    "col_why": ("por quê", "why"),
    "what_job": ("{id}", "{id}"),
    "what_integration": ("integração", "integration"),
    "what_sync": ("sync_jobs", "sync_jobs"),
    "left_alone": ("mantido", "kept"),
    "why_stale_pending": ("ninguém o pegou", "nobody took it"),
    "why_stale_running": ("sem sinal de vida", "no sign of life"),
    "why_never_started": ("nunca começou", "never began"),
    "why_duplicate": ("duplicado na fila", "second of its lane"),
    "why_none": ("pode ser legítimo", "may be legitimate"),
    "why_ghost": ("sem job por trás", "no job behind it"),
    "why_ghost_success": ("o último deu certo", "last job succeeded"),
    "expect_jobs_ended": (
        "Cada job travado terminou como erro, com o motivo certo, mensagem e hora do fim",
        "Every stuck job ended as error, with the right reason, a message and an end time",
    ),
    "expect_young_kept": ("O job de 2 minutos não foi tocado", "The job that is 2 minutes old was left alone"),
    "expect_ghosts": (
        "Nenhuma integração diz “running” sem um job por trás",
        "No integration says “running” without a job behind it",
    ),
    "expect_ghost_status": (
        "As integrações fantasmas receberam a situação verdadeira",
        "The ghost integrations have their true status",
    ),
    "expect_syncs": ("Nenhuma sincronização morta ficou aberta", "No dead sync was left open"),
    "expect_told": (
        "`drena sweep` nomeou cada coisa pelo id, e o log de cada job também conta",
        "`drena sweep` named each thing by its id, and each job's own log tells it",
    ),
    # 2
    "drain_title": ("Dois escritórios ao mesmo tempo", "Two offices at once"),
    "second_click": (
        "alguém clica em Executar outra vez: $ drena request {tenant} acessorias",
        "somebody clicks Executar again: $ drena request {tenant} acessorias",
    ),
    "expect_requested": (
        "Os resíduos não bloquearam ninguém: os dois pedidos criaram um job",
        "The leftovers blocked nobody: both requests created a job",
    ),
    "expect_together": ("Os dois rodaram ao mesmo tempo", "Both ran at the same time"),
    "expect_success": ("{tenant}: terminou com sucesso", "{tenant}: ended in success"),
    "expect_read": (
        "{tenant}: leu cada cadastro da fonte uma vez",
        "{tenant}: read every registration at the source once",
    ),
    "expect_mirror": (
        "{tenant}: {count} documentos diferentes, iguais à fonte campo por campo",
        "{tenant}: {count} different documents, equal to the source field by field",
    ),
    # 3
    "double_title": ("O segundo clique", "The second click"),
    "double_intro": (
        "Enquanto o job do {tenant} rodava, o segundo pedido recebeu esta resposta:",
        "While {tenant}'s job was running, the second request had this answer:",
    ),
    "active_answer": ("“Execução em andamento”", "“Execução em andamento”"),
    "field_job": ("job", "job"),
    "field_status": ("situação", "status"),
    "field_progress": ("progresso", "progress"),
    "field_since": ("desde", "since"),
    "progress_value": ("{done} de {total} empresas", "{done} of {total} companies"),
    "expect_active": (
        "A resposta é o job que já rodava, nada de erro genérico",
        "The answer is the job already running, no generic error",
    ),
    "expect_one_job": ("Os dois cliques criaram um só job", "Two clicks created one job"),
    # 4
    "failure_title": ("A API falha, o job se recupera sozinho", "The API fails, the job recovers by itself"),
    "failure_intro": (
        "As próximas {count} leituras da página {page} do {tenant} vão responder com erro 500.",
        "The next {count} reads of {tenant}'s page {page} will answer with error 500.",
    ),
    "retry_line": (
        "{at}  tentativa {attempt} falhou: {reason}",
        "{at}  attempt {attempt} failed: {reason}",
    ),
    "retry_next": ("          de novo, sozinho, em {wait}", "          again, by itself, in {wait}"),
    "attempt_line": ("{at}  tentativa {attempt} começou", "{at}  attempt {attempt} began"),
    "expect_requested_one": ("O pedido criou um job", "The request created a job"),
    "expect_retries": (
        "Falhou {count} vezes, e a tentativa seguinte terminou",
        "It failed {count} times, and the next attempt finished",
    ),
    "expect_reasons": (
        "Cada falha está no log do job, com o motivo e a espera",
        "Each failure is in the job's log, with reason and wait",
    ),
    "expect_resumed": (
        "Cada tentativa retomou de onde parou: a página 1 foi lida uma vez só",
        "Each attempt went on where the last one stopped: page 1 was read only once",
    ),
    # 5
    "quiet_title": ("Nada mudou na fonte, nada muda no banco", "Nothing changed at the source, nothing changes here"),
    "expect_nothing": ("{tenant}: leu {count}, criou 0, alterou 0", "{tenant}: read {count}, created 0, updated 0"),
    "expect_untouched": (
        "{tenant}: nenhuma linha foi sequer regravada",
        "{tenant}: not one row was even written again",
    ),
    # 6
    "changes_title": (
        "Muda na fonte, muda no banco, e só isso",
        "What changes at the source changes here, and only that",
    ),
    "changes_intro": (
        "Na fonte mudaram {count} empresas do {tenant} ({what}).",
        "At the source, {count} companies of {tenant} changed ({what}).",
    ),
    "expect_touched": (
        "{tenant}: exatamente as {count} empresas mudadas foram regravadas",
        "{tenant}: exactly the {count} changed companies were written",
    ),
    # 7
    "typed_title": ("O que as pessoas digitaram continua lá", "What people typed is still there"),
    "col_name": ("nome digitado", "name as typed"),
    "col_document": ("documento digitado", "document as typed"),
    "col_linked": ("ligada ao ID", "linked to ID"),
    "not_linked": ("só local", "local only"),
    "expect_typed": (
        "{count} linhas: nome, documento, WhatsApp, regime, sócios, meses e obrigações como foram digitados",
        "{count} rows: name, document, WhatsApp, regime, partners, months and duties as they were typed",
    ),
    "expect_linked": (
        "{count} delas foram reconhecidas pelo documento, escrito de qualquer jeito",
        "{count} of them were recognised by the document, however it was written",
    ),
    # the end
    "counts_title": ("Contagem, lida de volta do banco", "Counts, read back from the database"),
    "count_source": ("cadastros na fonte", "registrations at the source"),
    "count_documents": ("documentos diferentes na fonte", "different documents there"),
    "count_linked": ("empresas vindas do Acessórias", "companies from Acessórias"),
    "count_equal": ("iguais à fonte, campo por campo", "equal to the source, field by field"),
    "count_rows": ("linhas em empresas", "rows in empresas"),
    "count_succeeded": ("jobs com sucesso", "jobs succeeded"),
    "count_failed": ("jobs encerrados na limpeza", "jobs ended by the clean-up"),
    "count_active": ("jobs do Acessórias ainda ativos", "Acessórias jobs still active"),
    "expect_counts": ("{tenant}: o banco e a fonte concordam", "{tenant}: database and source agree"),
    "end_title": ("Fim", "The end"),
    "expect_gone": ("Tudo parado, nada ficou na máquina", "Everything stopped, nothing is left on this machine"),
    "all_met": (
        "{count} de {count} verificações, em {seconds} s.",
        "{count} of {count} checks passed, in {seconds} s.",
    ),
    "some_failed": (
        "{failed} de {count} verificações falharam, em {seconds} s.",
        "{failed} of {count} checks failed, in {seconds} s.",
    ),
    "daemon_said": ("O que o daemon registrou de erros:", "The errors the daemon logged:"),
    "next": (
        "Para usar no seu banco: README.md, “Existing database”.",
        "For your own database: README.md, “Existing database”.",
    ),
    "interrupted": ("Interrompido: tudo foi parado e removido.", "Interrupted: everything was stopped and removed."),
    "expected_got": ("esperado: {expected}; obtido: {got}", "expected: {expected}; got: {got}"),
    # words
    "name_contmax": ("contmax", "contmax"),
    "name_horizonte": ("horizonte", "horizonte"),
    "companies_unit": ("empresas", "companies"),
    "status_pending": ("na fila", "waiting"),
    "status_running": ("processando", "running"),
    "status_success": ("concluído", "done"),
    "status_error": ("falha", "failed"),
    "status_canceled": ("cancelado", "canceled"),
    "days": ("{count} d", "{count} d"),
    "hours": ("{count} h", "{count} h"),
    "minutes": ("{count} min", "{count} min"),
}

"""What commands answer, and the headers of their listings."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "active progress": "progresso",
    "active status": "job ativo",
    "at": "em",
    "attempts": "tentativas",
    "cancel requested at": "cancelamento pedido em",
    "code": "código",
    "created at": "criado em",
    "created by": "criado por",
    "default": "padrão",
    "description": "descrição",
    "enabled": "ativa",
    "entity": "entidade",
    "error code": "código do erro",
    "error message": "mensagem de erro",
    "errors": "erros",
    "execution time ms": "duração (ms)",
    "finished at": "terminado em",
    "id": "id",
    "key": "chave",
    "kind": "tipo",
    "lane": "faixa",
    "last error": "último erro",
    "last run": "última execução",
    "last status": "última situação",
    "lease": "concessão",
    "max attempts": "máximo de tentativas",
    "max jobs": "máximo de jobs",
    "message": "mensagem",
    "name": "nome",
    "next run": "próxima execução",
    "no": "não",
    "node id": "nó",
    "now": "agora",
    "ok": "certo",
    "paused": "em pausa",
    "priority": "prioridade",
    "progress": "progresso",
    "progress detail": "andamento",
    "provider": "conector",
    "provider slug": "conector",
    "providers": "conectores",
    "read": "lidos",
    "reason": "motivo",
    "refused": "recusados",
    "reload": "recarrega",
    "rescues": "resgates",
    "result": "resultado",
    "run at": "executa em",
    "running": "executando",
    "source": "origem",
    "started at": "iniciado em",
    "state": "estado",
    "status": "situação",
    "tenant": "cliente",
    "tenant id": "id do cliente",
    "value": "valor",
    "version": "versão",
    "was": "era",
    "would create": "criaria",
    "would skip": "pularia",
    "would update": "alteraria",
    "yes": "sim",
}
"""Headers; some are the same word in both languages."""

PHRASES: Final = WORDS | {
    "everything": "tudo",
    "{} of every tenant": "{} de todos os clientes",
    "Execução em andamento: job {} is {} since {}.": "Execução em andamento: o job {} está {} desde {}.",
    "Job {} requested.": "Job {} pedido.",
    "Job {} requested. It replaces the stuck job {}.": "Job {} pedido. Ele substitui o job travado {}.",
    "Job {} succeeded: {}": "O job {} terminou com sucesso: {}",
    "Job {} ended as {} ({}): {}": "O job {} terminou como {} ({}): {}",
    "Job {} was cancelled.": "O job {} foi cancelado.",
    "Job {} is running; its node ends it within seconds.": "O job {} está rodando; o nó dele o encerra em segundos.",
    "Job {} had ended before, as {}; nothing was changed.": "O job {} já tinha terminado, como {}; nada mudou.",
    "Job {} is {}: it runs as soon as there is room.": "O job {} está {}: roda assim que houver lugar.",
    "There are no jobs.": "Não há jobs.",
    "There are no integrations: add rows to tenant_integrations.": (
        "Não há integrações: inclua linhas em tenant_integrations."
    ),
    "There are no integrations to check.": "Não há integrações para conferir.",
    "Nothing is stuck.": "Nada está travado.",
    "{} would be settled.": "{} seriam resolvidos.",
    "{} settled.": "{} resolvidos.",
    "No plugin was found.": "Nenhum plugin foi encontrado.",
    "No node has joined: start one with `drena run`.": "Nenhum nó entrou: inicie um com `drena run`.",
    "Paused: {} since {}.": "Em pausa: {} desde {}.",
    "Paused: {} since {} ({}).": "Em pausa: {} desde {} ({}).",
    "Paused: {}. What runs goes on; nothing new starts until `{}`.": (
        "Em pausa: {}. O que está rodando continua; nada novo começa até `{}`."
    ),
    "Resumed.": "Retomado.",
    "Nothing is paused; there is nothing to resume.": "Nada está em pausa; não há o que retomar.",
    "That is not paused as a whole; what is paused: {}.": "Isso não está em pausa por inteiro; em pausa: {}.",
    "All is well: {} checks found nothing.": "Tudo bem: {} verificações não acharam nada.",
    "1 finding; nothing was changed.": "1 achado; nada foi mudado.",
    "{} findings; nothing was changed.": "{} achados; nada foi mudado.",
    "Deleted {}": "Apagados: {}",
    "Would delete {}": "Seriam apagados: {}",
    "{} jobs, {} log lines, {} feed entries, {} rows of old runs.": (
        "{} jobs, {} linhas de log, {} entradas do feed, {} linhas de execuções antigas."
    ),
    "The database is up to date.": "O banco está em dia.",
    "Applied {}.": "Aplicadas: {}.",
    "Would apply {}.": "Seriam aplicadas: {}.",
    "The configuration is right: {} settings, from {}.": "A configuração está certa: {} valores, de {}.",
    "The configuration is right: every setting has its default.": (
        "A configuração está certa: tudo tem o valor padrão."
    ),
    "A job would write nothing.": "Um job não gravaria nada.",
    "Nothing was changed.": "Nada foi mudado.",
    "It would fail: {}": "Falharia: {}",
    "The provider {} has a bug: {}. Nothing was changed; tell its author.": (
        "O conector {} tem um defeito: {}. Nada foi mudado; avise o autor dele."
    ),
    "live": "ativo",
    "lost": "perdido",
    "There are no tokens: make one with `drena token create`.": "Não há tokens: crie um com `drena token create`.",
    "Keep it now: it is not shown again, and nobody can read it from the database.": (
        "Guarde-o agora: ele não é mostrado de novo, e ninguém o lê do banco."
    ),
    "The token {} lets nobody in any more; its open connections end within moments.": (
        "O token {} não dá mais acesso a ninguém; as conexões abertas dele acabam em instantes."
    ),
}

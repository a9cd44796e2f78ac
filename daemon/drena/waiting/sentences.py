"""The words for each reason, in Portuguese and English. Times are given as durations: they need no time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["pt", "en"]


class Texts(msgspec.Struct, frozen=True):
    """One sentence in both languages."""

    pt: str
    en: str

    def in_language(self, language: Language) -> str:
        """The sentence in one of them."""
        return self.pt if language == "pt" else self.en


WORDS: Final = {
    "running": Texts("Em execução no servidor {node} há {for}, tentativa {attempt} de {max_attempts}.",
                     "Running on node {node} for {for}, attempt {attempt} of {max_attempts}."),
    "running.unheld": Texts("Em execução há {for} fora do Drena: nenhum servidor responde por ela.",
                            "Running for {for} outside of Drena: no node holds this job."),
    "node_lost": Texts("O servidor que a executava parou; outro a retoma em segundos.",
                       "The node that ran this job is gone; another node takes it back within seconds."),
    "node_lost.alone": Texts("O servidor que a executava parou e não há outro ativo: inicie um com `drena run`.",
                             "The node that ran this job is gone and there is no other: start one with `drena run`."),
    "canceling": Texts("Cancelamento pedido há {for}; a execução é encerrada em instantes.",
                       "Its end was asked for {for} ago; the node ends it in a moment."),
    "ended.success": Texts("Concluído há {for}.", "It succeeded {for} ago."),
    "ended.error": Texts("Terminou com falha há {for}: {message}", "It failed {for} ago: {message}"),
    "ended.canceled": Texts("Cancelado há {for}.", "It was cancelled {for} ago."),
    "paused.everything": Texts("Pausado: toda a fila está em pausa há {for}.", "Paused: the whole queue, for {for}."),
    "paused.provider": Texts("Pausado: a integração {provider} está em pausa para todos há {for}.",
                             "Paused: {provider} is paused for every tenant, for {for}."),
    "paused.tenant": Texts("Pausado: todas as integrações de {tenant} estão em pausa há {for}.",
                           "Paused: every integration of {tenant}, for {for}."),
    "paused.integration": Texts("Pausado: a integração {provider} de {tenant} está em pausa há {for}.",
                                "Paused: {provider} of {tenant}, for {for}."),
    "integration_not_found": Texts(
        "{tenant} não tem a integração {provider}: a execução vai falhar quando chegar a vez dela.",
        "{tenant} has no integration {provider}: the job fails when its turn comes."),
    "integration_disabled": Texts(
        "A integração {provider} de {tenant} está desativada: a execução vai falhar quando chegar a vez dela.",
        "The integration {provider} of {tenant} is disabled: the job fails when its turn comes."),
    "no_node": Texts("Nenhum servidor do Drena está ativo: inicie um com `drena run`.",
                     "No node of Drena is alive: start one with `drena run`."),
    "provider_unavailable": Texts(
        "Nenhum servidor ativo ({nodes}) tem o conector {provider}: instale-o em um deles; sem isso, a execução "
        "termina com falha em {in}.",
        "No live node ({nodes}) has the provider {provider}: install it on one of them; else the job fails in {in}."),
    "backing_off": Texts("Aguardando reprocessamento: tentativa {attempt} de {max_attempts} em {in}.",
                         "Backing off: attempt {attempt} of {max_attempts} starts in {in}."),
    "backing_off.ever": Texts("Aguardando sem prazo: peça a execução de novo com `drena retry`.",
                              "Waiting without an end: ask for it again with `drena retry`."),
    "scheduled": Texts("Agendado para daqui a {in}.", "It is to start in {in}."),
    "tenant_cap": Texts(
        "{tenant} já tem {running} de {cap} execuções em andamento; esta começa quando uma delas terminar.",
        "{tenant} already runs {running} of {cap} jobs; this one starts when one of them ends."),
    "provider_cap": Texts("Todos os servidores já estão no limite de execuções de {provider} ({running} de {cap}).",
                          "Every node already runs all the jobs of {provider} it may ({running} of {cap})."),
    "node_full": Texts("Todos os servidores estão ocupados ({running} de {cap} execuções em andamento).",
                       "Every node is full ({running} of {cap} jobs running)."),
    "queued_behind": Texts("Na fila: é a {place}ª de {tenant}.", "Queued: it is number {place} of {tenant}."),
    "about_to_run": Texts("Começa em instantes.", "It is about to start."),
}  # fmt: skip
"""By reason, and by its variant after a dot. Filled with the reason's details."""

TAILS: Final = {
    "paused": Texts(" Motivo: {reason}", " Reason: {reason}"),
    "backing_off": Texts(" Última falha: {message}", " Last failure: {message}"),
}
"""Added when the detail they speak of is known."""


def texts(name: str, values: Mapping[str, Any]) -> Texts:
    """The sentence of a reason.

    Args:
        name: a key of `WORDS`.
        values: what fills it; a tail is left out when a value it needs is missing or empty.
    """
    words, tail = WORDS[name], TAILS.get(name.partition(".")[0])
    needed = "reason" if name.startswith("paused") else "message"
    if tail is not None and values.get(needed):
        words = Texts(words.pt + tail.pt, words.en + tail.en)
    return Texts(words.pt.format(**values), words.en.format(**values))


def in_words(seconds: float) -> str:
    """A duration with its two largest units, the same in both languages: `3 min 20 s`."""
    left = max(round(seconds), 0)
    parts: list[tuple[int, str]] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount or parts:
            parts.append((amount, unit))
    return " ".join(f"{amount} {unit}" for amount, unit in parts[:2] if amount) or "0 s"

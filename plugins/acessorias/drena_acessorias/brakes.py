"""Whether a list read to its end may be called a success. Pure.

A run that read nothing useful, or far less than is known, is an error that says why. Nothing is ever deleted because it
was absent, so an office that really shrank loses nothing by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drena.api import GiveUp

if TYPE_CHECKING:
    from drena_acessorias.answers import Nothing

_HINTS = {
    "404": " O endereço respondeu 404 (não encontrado): confira o base_url da integração.",
}


def verdict(*, read: int, lost: int, known: int, end: Nothing, min_share: float = 0.5) -> GiveUp | None:
    """Judge a list that was read to its end.

    Args:
        read: different companies read in the whole job.
        lost: those among them that say of no company which it is, or hide it.
        known: companies of the office that were linked to Acessórias before the job began.
        end: how the list ended.
        min_share: of `known` that must have been read.

    Returns:
        The error to end the job with, or None when the list is good.
    """
    hint = _HINTS.get(end.form, "")
    if read == 0 and end.form == "Erro":
        return GiveUp("provider_error", f"O Acessórias respondeu com um erro: {end.text or 'sem texto'}")
    if read < known * min_share:
        return GiveUp(
            "read_too_few",
            f"O Acessórias mostrou {read} empresas, mas {known} já tinham vindo de lá: menos de {min_share:.0%}. "
            f"Nada foi apagado. Confira se o token ainda vê todas as empresas.{hint}",
        )
    if read == 0:
        return GiveUp(
            "nothing_read",
            "O Acessórias não mostrou nenhuma empresa: confira se o token pertence a este escritório "
            f"e o que ele pode ver.{hint}",
        )
    if read == lost:
        return nothing_usable(read)
    return None


def nothing_usable(read: int) -> GiveUp:
    """The error for rows of which none says which company it is."""
    return GiveUp(
        "nothing_usable",
        f"O Acessórias mostrou {read} empresas, mas nenhuma com identificador (CNPJ ou CPF) utilizável; "
        "nada foi gravado. O formato da resposta pode ter mudado, ou o token não vê os identificadores.",
    )

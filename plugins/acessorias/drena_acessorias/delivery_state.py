"""Where a job stands with the deliveries: what a new attempt needs to know, and what the result tells. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from drena.api import GiveUp
from drena_acessorias.delivery_plan import Plan

if TYPE_CHECKING:
    from drena_acessorias.delivery_rows import Harvest

_LABELS_KEPT: Final = 40
_LABEL_LENGTH: Final = 80
REFUSALS_BORNE: Final = 20
"""Companies that the API answers with an error before the reading stops: more is not about single companies."""


class Oddities(msgspec.Struct, frozen=True):
    """What is odd about the deliveries, over the whole job. For the result."""

    anonymous: int = 0
    """Rows without an `EntID` and without company, name and competência: not stored."""
    repeated: int = 0
    """Rows that pages repeated."""
    unknown_labels: dict[str, int] = {}
    """Labels that decided nothing, where no date did, and how often."""
    companies_without_document: int = 0
    """Linked companies that cannot be asked for one by one."""

    def after(self, harvest: Harvest) -> Oddities:
        """With these pages more."""
        labels = dict(self.unknown_labels)
        for label, times in harvest.unknown.items():
            short = label[:_LABEL_LENGTH]
            short = short if short in labels or len(labels) < _LABELS_KEPT else "…"
            labels[short] = labels.get(short, 0) + times
        return msgspec.structs.replace(
            self,
            anonymous=self.anonymous + harvest.anonymous,
            repeated=self.repeated + harvest.repeated,
            unknown_labels=labels,
        )


class Position(msgspec.Struct, frozen=True):
    """Committed with the pages it speaks of."""

    plan: Plan
    known: int
    """Deliveries within reach before the job began."""
    after: str = ""
    """The company read to its end last, by external key; companies come in the order of their keys."""
    companies: int = 0
    """Companies read to their end."""
    stretch: str = ""
    """The list being read: a company and the number of a window, or the list of changes."""
    pages: int = 0
    """Pages of it that are written: read again by a new attempt, but not counted again."""
    read: int = 0
    oddities: Oddities = Oddities()
    refused: dict[str, str] = {}
    """Companies that the API answered with an error, and its words."""


def follows(key: str, after: str) -> bool:
    """Whether a company comes after another: shorter keys first, so that numbers stand in their order."""
    return (len(key), key) > (len(after), after)


def verdict(position: Position, *, min_share: float) -> GiveUp | None:
    """Judge a reading that came to its end; None when it may be called a success."""
    read, known = position.read, position.known
    if position.refused:
        key, words = next(iter(position.refused.items()))
        return GiveUp(
            "provider_error",
            f"O Acessórias respondeu com erro às entregas de {len(position.refused)} empresa(s), a primeira com ID "
            f"{key}: {words or 'sem texto'}. As demais foram lidas.",
        )
    if position.plan.since is not None:
        return None
    if read < known * min_share:
        return GiveUp(
            "read_too_few",
            f"O Acessórias mostrou {read} entregas, mas {known} já tinham vindo de lá: menos de {min_share:.0%}. "
            "Nada foi apagado. Confira se o token ainda vê as entregas de todas as empresas.",
        )
    if read == 0:
        return GiveUp(
            "nothing_read",
            "O Acessórias não mostrou nenhuma entrega: confira se o token pode ver as entregas. Se o escritório não "
            'as usa, tire "deliveries" de "entities".',
        )
    if read == position.oddities.anonymous:
        return GiveUp(
            "nothing_usable",
            f"O Acessórias mostrou {read} entregas, mas nenhuma que se possa identificar; nada foi gravado. "
            "O formato da resposta pode ter mudado.",
        )
    return None


def told(position: Position) -> dict[str, Any]:
    """What the result says beside the counters."""
    plan = position.plan
    return {
        "mode": "full" if plan.since is None else "changes",
        "why_full": plan.why_full,
        "since": plan.since,
        "companies": position.companies,
        "known_before": position.known,
        **msgspec.to_builtins(position.oddities),
    }

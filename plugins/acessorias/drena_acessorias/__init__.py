"""Drena's provider for Acessórias. The daemon finds it by its entry point in the group ``drena``."""

from __future__ import annotations

from drena.api import Provider, hookimpl
from drena_acessorias.provider import Acessorias

__all__ = ["Acessorias", "drena_providers"]


@hookimpl
def drena_providers() -> list[Provider]:
    """Offer the one provider of this distribution."""
    return [Acessorias()]

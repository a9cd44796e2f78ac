"""Drena's provider for BomControle. The daemon finds it by its entry point in the group ``drena``."""

from __future__ import annotations

from drena.api import Provider, hookimpl
from drena_bomcontrole.provider import BomControle

__all__ = ["BomControle", "drena_providers"]


@hookimpl
def drena_providers() -> list[Provider]:
    """Offer the one provider of this distribution."""
    return [BomControle()]

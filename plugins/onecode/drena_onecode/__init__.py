"""Drena's provider for OneCode. The daemon finds it by its entry point in the group ``drena``."""

from __future__ import annotations

from drena.api import Provider, hookimpl
from drena_onecode.provider import OneCode

__all__ = ["OneCode", "drena_providers"]


@hookimpl
def drena_providers() -> list[Provider]:
    """Offer the one provider of this distribution."""
    return [OneCode()]

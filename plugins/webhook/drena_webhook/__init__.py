"""Drena's webhook: posts when an integration starts failing and when it recovers."""

from __future__ import annotations

from drena.api import Observer, hookimpl
from drena_webhook.observer import Webhook

__all__ = ["Webhook", "drena_observers"]


@hookimpl
def drena_observers() -> list[Observer]:
    """Offer the one observer of this distribution."""
    return [Webhook()]

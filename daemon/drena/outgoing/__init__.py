"""Outgoing requests: the pace of each credential, and the HTTP client each attempt uses."""

from __future__ import annotations

from .clients import AttemptClient, Clients, ClientSettings, client_settings
from .pace import Pace, PaceBook, credential_digest
from .retries import RETRY_EXTENSION, RetryRules

__all__ = [
    "RETRY_EXTENSION",
    "AttemptClient",
    "ClientSettings",
    "Clients",
    "Pace",
    "PaceBook",
    "RetryRules",
    "client_settings",
    "credential_digest",
]

"""A provider's way out: its secrets, the pace of that credential, an HTTP client at that pace, threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drena.engine.threads import Threads
from drena.outgoing import client_settings, credential_digest
from drena.secrets import find_clashes
from drena.store.queries import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drena.api import Logger, Provider, Tenant
    from drena.config import Config
    from drena.log import LogLines
    from drena.outgoing import AttemptClient, Clients, Pace, PaceBook
    from drena.secrets import SecretStore
    from drena.store.jobs import Executor
    from drena.traces import Traces


class Outside:
    """Shared by all attempts and checks of a process.

    Args:
        config: the operator's overrides of each provider.
        secrets: where secrets come from.
        clients: makes the clients.
        paces: remembers the pace of each credential.
    """

    def __init__(self, config: Config, secrets: SecretStore, clients: Clients, paces: PaceBook) -> None:
        self.secrets = secrets
        self.threads = Threads()
        self.config = config
        """Replaced when the daemon reloads."""
        self.clients = clients
        self.paces = paces
        self.traces: Traces | None = None
        """Set where somebody wants to see requests."""

    def open(self, provider: Provider, tenant: Tenant, log: Logger) -> tuple[AttemptClient, Pace]:
        """The client, to be entered and made when it is first asked for, and the pace for one attempt; no connection
        outlives the block.

        Raises:
            GiveUp: a secret is missing or malformed; or, on entering, a certificate file cannot be used.
        """
        overrides = self.config.provider(provider.slug)
        values = {name: self.secrets.read(provider.slug, name, tenant.slug) for name in provider.secrets}
        limit = overrides.requests_per_minute or provider.limits.requests_per_minute
        pace = self.paces.pace(tenant.id, provider.slug, credential_digest(values), limit)
        span = None if self.traces is None else self.traces.request
        return self.clients.open(pace=pace, log=log, settings=client_settings(overrides), span=span), pace


async def warn_of_clashes(on: Executor, providers: Mapping[str, Provider], log: LogLines) -> None:
    """Say which tenants would be given each other's secrets, because their slugs differ only in what becomes `_`."""
    rows = await on.fetch(sql("integration_names"))
    owners = [
        (row["provider"], name, row["tenant"])
        for row in rows
        if row["provider"] in providers
        for name in providers[row["provider"]].secrets
    ]
    for clash in find_clashes(owners):
        shared = [f"{name} of {provider} for {tenant}" for provider, name, tenant in clash.owners]
        log.error("two secrets have one name: rename a tenant's slug", variable=clash.variable, secrets=shared)

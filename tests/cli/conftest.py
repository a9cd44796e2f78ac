"""What the command line's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.daemons import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgres import PostgresServer

TENANTS = """
insert into organizacoes (id, nome, slug) values
    ('00000000-0000-0000-0000-000000000001', 'Contmax Contabilidade', 'contmax'),
    ('00000000-0000-0000-0000-000000000002', 'Solaris', 'solaris');
insert into tenant_integrations (tenant_id, provider, is_enabled) values
    ('00000000-0000-0000-0000-000000000001', 'acessorias', true),
    ('00000000-0000-0000-0000-000000000002', 'acessorias', false);
"""


@pytest.fixture(scope="module")
def offices(server: PostgresServer, template: str) -> Iterator[str]:
    """The DSN of a migrated database with two offices, shared by tests that leave it as it is."""
    dsn = server.create_database("cli_offices", template=template)
    server.sql(TENANTS, "cli_offices")
    yield dsn
    server.drop_database("cli_offices")


@pytest.fixture
def env(offices: str, tmp_path: Path) -> dict[str, str]:
    """An environment that works: the offices' database."""
    return environment(offices, settings={"state_dir": tmp_path})

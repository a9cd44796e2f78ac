"""What only the database knows of the whole queue, in one reading: see `queries/metrics.sql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from drena.store.queries import sql

if TYPE_CHECKING:
    from asyncpg_trio import Pool

COUNTED: Final = 100_000
LOOKED_AT: Final = 10_000


class Figures(NamedTuple):
    """One reading; providers by slug."""

    jobs: list[tuple[str, str, int]]
    """Status, provider, number."""
    oldest_due_s: list[tuple[str, float]]
    integrations: list[tuple[str, str, int]]
    """Provider, last status, number."""
    nodes: tuple[int, int]
    """Live and lost."""
    schedules_late: int


async def read_figures(pool: Pool) -> Figures:
    """Ask for all of it, on one connection.

    Raises:
        PostgresError, OSError: the database is away.
    """
    async with pool.acquire() as conn:
        jobs = await conn.fetch(sql("count_jobs"), COUNTED)
        oldest = await conn.fetch(sql("oldest_due"), LOOKED_AT)
        integrations = await conn.fetch(sql("count_integrations"))
        nodes = await conn.fetchrow(sql("count_nodes"))
    assert nodes is not None
    return Figures(
        [(row["status"], row["provider_slug"], row["jobs"]) for row in jobs],
        [(row["provider_slug"], row["age_s"]) for row in oldest],
        [(row["provider_slug"], row["status"], row["integrations"]) for row in integrations],
        (nodes["live"], nodes["lost"]),
        nodes["schedules_late"],
    )

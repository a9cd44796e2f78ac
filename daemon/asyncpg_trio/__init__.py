"""asyncpg on Trio."""

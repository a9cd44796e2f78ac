"""The heart: from a due job to a finished one. See `daemon/README.md` for who hands what to whom."""

"""`python -m drena`."""

from __future__ import annotations

from drena.cli import main

main()

"""What this fake serves: the API's answers and the admin routes, over one state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fake_acessorias.admin import administered
from fake_acessorias.gate import answer

if TYPE_CHECKING:
    from fake_acessorias.messages import Answer, Request
    from fake_acessorias.source import Source


class Acessorias:
    """Satisfies `server.Service`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.ledger = source.ledger

    def answer(self, request: Request) -> Answer:
        """Answer a request of the API."""
        return answer(self._source, request)

    def administered(self, request: Request) -> Answer:
        """Answer a request of the admin routes."""
        return administered(self._source, request)

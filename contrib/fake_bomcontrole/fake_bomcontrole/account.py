"""What one key gives access to: contracts, each with its client and its invoices. Money is decimal throughout."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class Invoice(msgspec.Struct, kw_only=True):
    """One `Fatura`. Days are ``YYYY-MM-DD``; `answers.py` writes them as the API does."""

    Id: int
    TipoFatura: int = 0
    DataVencimento: str
    DataCompetencia: str | None = None
    Valor: Decimal
    Quitado: bool = False
    DataPagamento: str | None = None
    ValorPagamento: Decimal | None = None


class Client(msgspec.Struct, kw_only=True):
    """A contract's client."""

    Id: int
    Nome: str
    Documento: str


class Contract(msgspec.Struct, kw_only=True):
    """One `VendaContrato`."""

    Id: int
    Cliente: Client
    Faturas: list[Invoice] = []


class Account:
    """Satisfies `fake_acessorias.small.Account`."""

    def __init__(self) -> None:
        self.contracts: dict[int, Contract] = {}
        self.writes: list[dict[str, Any]] = []
        """Every value that was ever set, in order."""

    def held(self) -> Any:
        return {"contracts": list(self.contracts.values()), "writes": self.writes}

    def lay(self, content: Any) -> None:
        found = msgspec.convert(content, dict[str, list[Contract]], strict=False)
        self.contracts = {contract.Id: contract for contract in found.get("contracts", [])}
        self.writes = []

    def change(self, wish: Any) -> Any:
        """``{"invoice": id, …}`` sets fields of an invoice; ``{"contract": …}`` adds or replaces a contract."""
        if "contract" in wish:
            contract = msgspec.convert(wish["contract"], Contract, strict=False)
            self.contracts[contract.Id] = contract
            return contract
        invoice = self.invoice(wish["invoice"])
        if invoice is None:
            raise ValueError(f"no invoice {wish['invoice']}")
        values = {**msgspec.structs.asdict(invoice), **{k: v for k, v in wish.items() if k != "invoice"}}
        changed = msgspec.convert(values, Invoice, strict=False)
        for name in Invoice.__struct_fields__:
            setattr(invoice, name, getattr(changed, name))
        return invoice

    def invoice(self, number: int) -> Invoice | None:
        """The invoice of this `Id`, of whatever contract."""
        invoices = (each for contract in self.contracts.values() for each in contract.Faturas)
        return next((each for each in invoices if each.Id == number), None)

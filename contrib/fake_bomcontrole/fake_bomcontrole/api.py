"""The routes: search of contracts, one contract with its invoices, an invoice's value."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec

from fake_acessorias.messages import NO_CONTENT, Answer, html_answer
from fake_acessorias.small import Call, SmallFake, SmallKnobs
from fake_bomcontrole.account import Account, Contract, Invoice

MOST_A_PAGE: Final = 100
USUAL_PAGE: Final = 50
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_NOT_KEPT: Final = re.compile(r"[^0-9A-Za-z]")


class Knobs(SmallKnobs, frozen=True, kw_only=True):
    """What this API can do wrong beside what all can."""

    bare_list: bool = False
    """A search answers a list in place of ``{Itens, TotalItens}``."""
    nested_document: bool = False
    """The client's document stands in ``PessoaJuridica`` or ``PessoaFisica``."""
    dates: Literal["blank", "iso"] = "blank"
    """``2026-11-15 00:00:00``, or with a T."""
    strangers: Annotated[int, msgspec.Meta(ge=0)] = 3
    """How many contracts of other clients a search brings along: it is fuzzy."""
    ignore_period: bool = False
    """The invoices of a contract are not limited to the period asked for."""


class NewValue(msgspec.Struct):
    """Body of ``PUT Fatura/AlterarValor``."""

    Valor: msgspec.Raw


def search(call: Call) -> Answer:
    """``VendaContrato/Pesquisar``: whatever looks like the text, by name or by a piece of the document, and others."""
    parameters = call.request.parameters()
    size = min(MOST_A_PAGE, int(parameters.get("paginacao.itensPorPagina", USUAL_PAGE)))
    page = int(parameters.get("paginacao.numeroDaPagina", 1))
    contracts = sorted(call.account.contracts.values(), key=lambda each: each.Id)
    wanted = parameters.get("pesquisa", "")
    if wanted:
        alike = [each for each in contracts if _alike(each, wanted)]
        others = [each for each in contracts if not _alike(each, wanted)]
        contracts = [*others[: call.knobs.strangers], *alike]
    rows = [_listed(each, call.knobs) for each in contracts[(page - 1) * size : page * size]]
    return _answer(rows if call.knobs.bare_list else {"Itens": rows, "TotalItens": len(contracts)})


def _alike(contract: Contract, wanted: str) -> bool:
    kept = _NOT_KEPT.sub("", wanted).upper()
    document = _NOT_KEPT.sub("", contract.Cliente.Documento).upper()
    return wanted.upper() in contract.Cliente.Nome.upper() or (len(kept) >= 8 and document.startswith(kept[:8]))


def _listed(contract: Contract, knobs: Knobs) -> dict[str, Any]:
    client = msgspec.structs.asdict(contract.Cliente)
    if knobs.nested_document:
        document = client.pop("Documento")
        person = "PessoaFisica" if len(_NOT_KEPT.sub("", document)) == 11 else "PessoaJuridica"
        client[person] = {"Documento": document}
    return {"Id": contract.Id, "Cliente": client}


def one_contract(call: Call) -> Answer:
    """``VendaContrato/Obter``: the contract, with the invoices that fall due within the period."""
    if "+" in call.request.query:  # this API wants %20
        return _answer({"Mensagem": "Período inválido"}, 400)
    contract = call.account.contracts.get(int(call.words[0]))
    if contract is None:
        return html_answer(404, "Not Found")
    parameters = call.request.parameters()
    first, last = parameters.get("inicioPeriodo", "")[:10], parameters.get("terminoPeriodo", "9999")[:10]
    invoices = [
        _invoice(each, call.knobs)
        for each in contract.Faturas
        if call.knobs.ignore_period or first <= each.DataVencimento <= last
    ]
    return _answer({**_listed(contract, call.knobs), "Faturas": invoices})


def _invoice(invoice: Invoice, knobs: Knobs) -> dict[str, Any]:
    row = msgspec.structs.asdict(invoice)
    for name in ("DataVencimento", "DataCompetencia", "DataPagamento"):
        if row[name]:
            row[name] += "T00:00:00" if knobs.dates == "iso" else " 00:00:00"
    return row


def set_value(call: Call) -> Answer:
    """``Fatura/AlterarValor``: 204; an invoice that is paid keeps its value."""
    invoice = call.account.invoice(int(call.words[0]))
    if invoice is None:
        return html_answer(404, "Not Found")
    try:
        given = bytes(msgspec.json.decode(call.request.body, type=NewValue).Valor)
        value = msgspec.json.decode(given, type=Decimal)
    except msgspec.DecodeError as problem:
        return _answer({"Mensagem": str(problem)}, 400)
    if given.startswith(b'"') or value <= 0:
        return _answer({"Mensagem": "Valor inválido"}, 400)
    if invoice.Quitado:
        return _answer({"Mensagem": "A fatura já está quitada"}, 400)
    invoice.Valor = value
    call.account.writes.append({"invoice": invoice.Id, "Valor": str(value)})
    return NO_CONTENT


def _answer(value: Any, status: int = 200) -> Answer:
    return Answer(status=status, body=_encode(value))


ROUTES: Final = {
    ("GET", r"/integracao/VendaContrato/Pesquisar"): search,
    ("GET", r"/integracao/VendaContrato/Obter/(\d+)"): one_contract,
    ("PUT", r"/integracao/Fatura/AlterarValor/(\d+)"): set_value,
}


def make(knobs: dict[str, Any]) -> SmallFake:
    """The fake, with these knobs at the start."""
    start = msgspec.convert(knobs, Knobs)
    return SmallFake(scheme="ApiKey", knobs=start, accounts={}, routes=ROUTES, new_account=Account)

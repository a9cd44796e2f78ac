"""The POST routes, in a plain form: they change the office, and refuse the way this API does, with 200 and ``Erro``.

The field names are a guess in the API's own words; what is known is only that these are forms.
"""

from __future__ import annotations

import email.parser
import email.policy
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from fake_acessorias import documents
from fake_acessorias.call import Call, business_error
from fake_acessorias.messages import Answer, json_answer
from fake_acessorias.world import BASE_KEYS, COMPANY_KEYS, FIRST_ID, LIST_KEYS

if TYPE_CHECKING:
    from fake_acessorias.messages import Request

WRITABLE = frozenset(BASE_KEYS) - {"ID", "DtLastDH"} | {"Regime", "GrupoDeEmpresas"}


def fields(request: Request) -> dict[str, str]:
    """Return the fields of a form, urlencoded or multipart; of a file, its name."""
    if not request.content_type.lower().startswith("multipart/"):
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    head = f"Content-Type: {request.content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    parts = message.iter_parts() if message.is_multipart() else ()
    return {
        str(part.get_param("name", header="content-disposition")): part.get_filename()
        or _text(part.get_payload(decode=True))
        for part in parts
    }


def _text(payload: object) -> str:
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _stamp(call: Call) -> str:
    return call.moment.strftime("%Y-%m-%d %H:%M:%S")


def save_company(call: Call, _segments: tuple[str, ...]) -> Answer:
    """``POST /companies``: create the company, or change the one with this document."""
    form = {key: value for key, value in fields(call.request).items() if key in WRITABLE}
    document = documents.bare(form.get("Identificador", ""))
    if len(document) not in {11, 14} or not form.get("Razao"):
        return business_error(call.knobs, "Identificador e Razao são obrigatórios")
    company = call.own.by_document(document)
    if company is None:
        company = call.own.append(dict.fromkeys(COMPANY_KEYS, "") | {key: [] for key in LIST_KEYS})
        form = {"ID": str(FIRST_ID + company.position), "Status": "Ativa", **form}
    else:
        form.pop("Identificador")
    call.own.edit(company, form, _stamp(call))
    return json_answer({"ID": company.record["ID"], "Identificador": company.record["Identificador"]})


def add_contact(call: Call, segments: tuple[str, ...]) -> Answer:
    """``POST /contacts/{cnpj}``: add a contact to a company."""
    form = fields(call.request)
    company = call.own.by_document(segments[1])
    if company is None or not form.get("Nome"):
        return business_error(call.knobs, "Empresa não encontrada" if company is None else "Nome é obrigatório")
    added = {key: form.get(key, "") for key in ("Nome", "E-mail", "Celular")}
    call.own.edit(company, {"ContatosNaEmpresa": [*company.record["ContatosNaEmpresa"], added]}, _stamp(call))
    return json_answer({"ID": company.record["ID"], "Contatos": str(len(company.record["ContatosNaEmpresa"]))})


def open_request(call: Call, _segments: tuple[str, ...]) -> Answer:
    """``POST /requests``: open a request. Asked twice, there are two: there is no idempotency key."""
    form = fields(call.request)
    rows = call.own.directory("requests")
    if not form.get("SolAssunto"):
        return business_error(call.knobs, "SolAssunto é obrigatório")
    today = call.moment.strftime("%d/%m/%Y")
    added = {"SolID": str(len(rows) + 1), "EmpID": "", "SolStatus": "Aberta", "SolAbertura": today, "SolUltAt": today}
    rows.append({**added, "SolAssunto": form["SolAssunto"], "EmpID": form.get("EmpID", "")})
    return json_answer({"SolID": added["SolID"]})


def take_upload(call: Call, _segments: tuple[str, ...]) -> Answer:
    """``POST /econtinuo``: take a document in; only its name is kept."""
    form = fields(call.request)
    if not form:
        return business_error(call.knobs, "Nenhum arquivo recebido")
    call.own.posted.append(dict(form))
    return json_answer({"Protocolo": str(len(call.own.posted))})

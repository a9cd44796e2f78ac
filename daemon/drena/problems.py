"""What can be wrong with a request, as RFC 9457 problems in two languages. Pure: HTTP and the feed only carry them.

A code is stable, for programs; title and detail are for people. The registry below is all there is: `Refused` of a code
that is not in it is a bug, and a test compares the registry with every place that raises one. A detail is a template
filled from the problem's extensions; when one it needs is missing, the title stands alone. Nothing here may hold a
secret: what goes into an extension is shown to whoever asked.
"""

from __future__ import annotations

from string import Formatter
from typing import Any, Final, Literal, NamedTuple

import msgspec

__all__ = ["PROBLEMS", "Kind", "Language", "Problem", "Refused", "Words", "as_json", "problem"]

Language = Literal["pt", "en"]


class Words(NamedTuple):
    """One text in both languages."""

    pt: str
    en: str

    def of(self, lang: Language) -> str:
        """The text in one of them."""
        return self.pt if lang == "pt" else self.en


class Kind(NamedTuple):
    """What all problems of one code have in common."""

    status: int
    """The HTTP status. 503 is temporary: the same request may work in a moment."""
    title: Words
    detail: Words


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem in one language."""

    code: str
    status: int
    title: str
    detail: str
    extensions: dict[str, Any]
    """`active_job`, `healed_job_id`, `retry_after_s`, `field`, …: plain values, ready for JSON."""


def _kind(status: int, title_pt: str, title_en: str, detail_pt: str, detail_en: str) -> Kind:
    return Kind(status, Words(title_pt, title_en), Words(detail_pt, detail_en))


PROBLEMS: Final[dict[str, Kind]] = {
    # The request itself
    "body_invalid": _kind(
        400, "Requisição inválida", "Invalid request",
        "O corpo da requisição não é o esperado: {reason}.",
        "The body of the request is not what is expected: {reason}."),
    "parameter_invalid": _kind(
        400, "Parâmetro inválido", "Invalid parameter",
        "O parâmetro {field} não é válido: {reason}.",
        "The parameter {field} is not valid: {reason}."),
    "cursor_invalid": _kind(
        400, "Página inválida", "Invalid page",
        "O cursor não é de uma lista deste servidor; comece pela primeira página.",
        "The cursor is not from a list of this server; start with the first page."),
    "request_invalid": _kind(
        400, "Requisição ilegível", "Unreadable request",
        "Isto não é uma requisição HTTP que este servidor entenda.",
        "This is not an HTTP request that this server understands."),
    "request_timeout": _kind(
        408, "Requisição lenta demais", "Request too slow",
        "A requisição não chegou inteira a tempo; envie-a de novo.",
        "The request did not arrive in time; send it again."),
    "transfer_coding_unsupported": _kind(
        501, "Codificação não aceita", "Transfer coding not supported",
        "Envie o corpo com Content-Length ou Transfer-Encoding: chunked.",
        "Send the body with Content-Length or Transfer-Encoding: chunked."),
    "http_version_unsupported": _kind(
        505, "Versão de HTTP não aceita", "HTTP version not supported",
        "Este servidor fala HTTP/1.1.", "This server speaks HTTP/1.1."),
    "body_too_large": _kind(
        413, "Requisição grande demais", "Request too large",
        "O corpo da requisição passa de {limit_bytes} bytes.",
        "The body of the request has more than {limit_bytes} bytes."),
    "headers_too_large": _kind(
        431, "Cabeçalhos grandes demais", "Headers too large",
        "Os cabeçalhos da requisição passam de {limit_bytes} bytes.",
        "The headers of the request have more than {limit_bytes} bytes."),
    "media_type_unsupported": _kind(
        415, "Formato não aceito", "Unsupported media type",
        "Envie JSON, com Content-Type: application/json.", "Send JSON, with Content-Type: application/json."),
    "method_not_allowed": _kind(
        405, "Método não permitido", "Method not allowed",
        "Este endereço aceita {allowed}.", "This address takes {allowed}."),
    "not_found": _kind(
        404, "Não encontrado", "Not found", "Não há nada neste endereço.", "There is nothing at this address."),
    "idempotency_conflict": _kind(
        409, "Chave já usada", "Key already used",
        "Esta Idempotency-Key já foi usada para outro pedido; gere uma nova.",
        "This Idempotency-Key was used for another request; make a new one."),
    "rate_limited": _kind(
        429, "Muitos pedidos", "Too many requests",
        "Foram muitos pedidos em pouco tempo; tente de novo em {retry_after_s} s.",
        "Too many requests in a short time; try again in {retry_after_s} s."),
    # Who asks
    "unauthenticated": _kind(
        401, "Entre para continuar", "Sign in to continue",
        "Falta o token de acesso; entre de novo.", "The access token is missing; sign in."),
    "token_invalid": _kind(
        401, "Acesso não reconhecido", "Access not recognised",
        "O token de acesso não é válido; entre de novo.", "The access token is not valid; sign in again."),
    "token_expired": _kind(
        401, "Sessão expirada", "Session expired",
        "A sua sessão expirou; entre de novo.", "Your session has expired; sign in again."),
    "keys_away": _kind(
        503, "Verificação de acesso indisponível", "Access cannot be checked",
        "No momento não é possível verificar o seu acesso; tente de novo em {retry_after_s} s.",
        "Your access cannot be checked at the moment; try again in {retry_after_s} s."),
    "forbidden": _kind(
        403, "Sem permissão", "Not permitted",
        "O seu acesso não permite esta ação; peça a um administrador do escritório.",
        "Your access does not permit this; ask an administrator of the office."),
    "origin_forbidden": _kind(
        403, "Origem não permitida", "Origin not permitted",
        "Páginas de {origin} não podem usar este servidor; inclua a origem em http.cors_origins.",
        "Pages of {origin} may not use this server; add the origin to http.cors_origins."),
    # Jobs and integrations
    "job_active": _kind(
        409, "Execução em andamento", "Already running",
        "Esta integração já está em execução; acompanhe o progresso e tente de novo quando terminar.",
        "This integration is running already; follow its progress and try again when it has ended."),
    "job_not_found": _kind(
        404, "Execução não encontrada", "Job not found",
        "Não há execução com este identificador.", "There is no job with this id."),
    "job_ended": _kind(
        409, "Execução já encerrada", "Job has ended",
        "Esta execução já terminou; não há o que cancelar.", "This job has ended; there is nothing to cancel."),
    "job_not_ended": _kind(
        409, "Execução em andamento", "Still running",
        "Esta execução ainda não terminou; espere ou cancele antes de repetir.",
        "This job has not ended yet; wait for it or cancel it before you repeat it."),
    "integration_not_found": _kind(
        404, "Integração não encontrada", "Integration not found",
        "O escritório não tem esta integração; confira a configuração.",
        "The office has no such integration; check its configuration."),
    "integration_disabled": _kind(
        422, "Integração desativada", "Integration disabled",
        "A integração está desativada; ative-a para executar.", "The integration is disabled; enable it to run it."),
    "provider_unavailable": _kind(
        422, "Conector indisponível", "Provider unavailable",
        "Nenhum servidor ativo tem o conector {provider_slug}; avise o suporte.",
        "No live node offers the provider {provider_slug}; tell the operator."),
    "payload_invalid": _kind(
        422, "Parâmetros da execução inválidos", "Invalid payload",
        "Os parâmetros da execução não podem ser usados: {reason}.", "The payload cannot be used: {reason}."),
    "lane_invalid": _kind(
        422, "Faixa inválida", "Invalid lane",
        "O nome da faixa pode ter até {limit_chars} caracteres visíveis.",
        "A lane's name may have up to {limit_chars} visible characters."),
    "schedule_invalid": _kind(
        422, "Agendamento inválido", "Invalid schedule",
        "O agendamento não é válido: {reason}.", "The schedule is not valid: {reason}."),
    # Us
    "internal": _kind(
        500, "Erro interno", "Internal error",
        "Algo deu errado do nosso lado; o erro foi registrado.",
        "Something went wrong on our side; the error was recorded."),
    "database_away": _kind(
        503, "Sistema temporariamente indisponível", "Temporarily unavailable",
        "O banco de dados não responde no momento; tente de novo em instantes.",
        "The database does not answer at the moment; try again in a moment."),
    "shutting_down": _kind(
        503, "Reiniciando", "Restarting",
        "O servidor está reiniciando; tente de novo em instantes.", "The server is restarting; try again in a moment."),
}  # fmt: skip
"""Every code there is."""

RESERVED: Final = frozenset({"type", "title", "status", "detail", "code", "request_id", "instance"})
"""Names an extension cannot have."""


class Refused(Exception):
    """A request that cannot be granted. Raised wherever it is noticed; HTTP and the feed turn it into an answer.

    Args:
        code: a key of `PROBLEMS`.
        extensions: plain values that tell more, shown to whoever asked; `Words` come out in his language.
    """

    def __init__(self, code: str, /, **extensions: Any) -> None:
        if code not in PROBLEMS:
            raise ValueError(f"there is no problem {code!r}")
        if taken := RESERVED & extensions.keys():
            raise ValueError(f"a problem has a {min(taken)!r} of its own")
        super().__init__(code)
        self.code = code
        self.extensions = extensions

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.code].status

    def problem(self, lang: Language = "pt") -> Problem:
        """The problem in one language."""
        return problem(self.code, lang=lang, **self.extensions)


def problem(code: str, /, *, lang: Language = "pt", **extensions: Any) -> Problem:
    """A problem in one language.

    Raises:
        KeyError: there is no such code.
    """
    kind = PROBLEMS[code]
    extensions = {name: value.of(lang) if isinstance(value, Words) else value for name, value in extensions.items()}
    title, template = kind.title.of(lang), kind.detail.of(lang)
    needed = {name for _, name, _, _ in Formatter().parse(template) if name}
    detail = template.format_map(extensions) if needed <= extensions.keys() else f"{title}."
    return Problem(code=code, status=kind.status, title=title, detail=detail, extensions=extensions)


def as_json(problem: Problem, request_id: str | None = None) -> dict[str, Any]:
    """The members of an `application/problem+json` document, extensions beside them."""
    members = {
        "type": f"/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    return members | ({} if request_id is None else {"request_id": request_id}) | problem.extensions

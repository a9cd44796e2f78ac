"""Whether the tables that are there are ones Drena can work with. Pure.

The old system's tables may have other columns, types and constraints than Drena's own would have. What is merely
different is lived with: migrations add columns that are missing and can be empty, and statements cast to the type a
column has. What is left is told before anything is changed, all of it at once:

* a column that a row makes no sense without is missing;
* a column has a type that statements cannot work with;
* a column must not be null, has no default, and nothing in Drena fills it: every insert would fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the database describes it."""

    type: str
    must_be_given: bool
    """It must not be null and has no default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What Drena expects of a table that was there before it."""

    needed: str
    """Columns that statements name and no migration adds."""
    filled: str | None = None
    """Columns that its inserts give a value; None for a table it inserts nothing into."""
    types: str = ""
    """Columns of which not every type will do, as `name:kind`."""


KINDS: Final = {
    "text": ("text", "character varying", "character"),
    "uuid": ("uuid",),
    "boolean": ("boolean",),
}
"""The types of each kind, as `information_schema` calls them."""


def problems(there: Mapping[str, Mapping[str, Column]]) -> list[str]:
    """What is in the way of adopting these tables, a sentence each; empty when nothing is.

    Args:
        there: the columns of each table of the schema `public`, by name.
    """
    return [
        problem
        for table, adopted in ADOPTED.items()
        if table in there
        for problem in _problems(f"public.{table}", adopted, there[table])
    ]


def _problems(table: str, adopted: Adopted, columns: Mapping[str, Column]) -> Iterator[str]:
    if missing := [name for name in adopted.needed.split() if name not in columns]:
        yield f"{table} has no column {', '.join(missing)}."
    for pair in adopted.types.split():
        name, _, kind = pair.partition(":")
        if name in columns and columns[name].type not in KINDS[kind]:
            yield f"{table}.{name} is of type {columns[name].type} and should be {kind}."
    if adopted.filled is None:
        return
    for name, column in columns.items():
        if column.must_be_given and name not in adopted.filled.split():
            yield f"{table}.{name} must not be null, and Drena does not know it: give it a default."


ADOPTED: Final = {
    "organizacoes": Adopted(needed="id nome slug", types="id:uuid"),
    "user_tenants": Adopted(needed="user_id tenant_id role", types="user_id:uuid tenant_id:uuid"),
    "user_roles": Adopted(needed="user_id role", types="user_id:uuid"),
    "tenant_integrations": Adopted(
        needed="id tenant_id provider base_url is_enabled last_run last_status last_error config updated_at",
        types="id:uuid tenant_id:uuid is_enabled:boolean",
    ),
    "integration_jobs": Adopted(
        needed="id tenant_id provider_slug status progress attempts max_attempts started_at finished_at "
        "execution_time_ms error_message payload result created_by created_at",
        filled="tenant_id provider_slug lane payload created_by priority max_attempts",
        types="id:uuid tenant_id:uuid created_by:uuid",
    ),
    "sync_jobs": Adopted(
        needed="id tenant_id provider entity status total_read total_created total_updated total_skipped total_errors "
        "started_at finished_at error_message",
        filled="tenant_id provider entity total_read total_created total_updated total_skipped total_errors",
        types="tenant_id:uuid",
    ),
    "integration_logs": Adopted(
        needed="tenant_id integration provider_slug execution_id status total_processados total_matched "
        "total_ignored execution_time_ms error_message payload response",
        filled="tenant_id integration provider_slug execution_id status total_processados total_matched total_ignored "
        "execution_time_ms",
        types="execution_id:uuid",
    ),
    "empresas": Adopted(
        needed="id nome cnpj data_cadastro regime_tributario organizacao_id whatsapp external_source external_key "
        "raw_payload hash_payload synced_at onecode_contact_id whatsapp_synced_at created_at updated_at",
        filled="organizacao_id nome cnpj external_source external_key raw_payload hash_payload synced_at",
        types="id:uuid organizacao_id:uuid cnpj:text onecode_contact_id:text",
    ),
    "bc_contracts": Adopted(
        needed="id tenant_id bc_contract_id",
        filled="tenant_id portal_company_id empresa_id bc_contract_id active",
        types="active:boolean",
    ),
    "bc_invoice_map": Adopted(
        needed="id tenant_id competencia",
        filled="tenant_id portal_company_id empresa_id competencia bc_contract_id bc_invoice_id status paid",
        types="competencia:text status:text message:text paid:boolean",
    ),
    "bc_sync_log": Adopted(
        needed="tenant_id",
        filled="tenant_id action ok request_json response_json",
        types="ok:boolean",
    ),
    "onecode_contact_match_log": Adopted(
        needed="id tenant_id contact_id contact_name similarity_score status created_at",
        filled="tenant_id contact_id contact_name similarity_score status processed_at",
        types="status:text",
    ),
    "onecode_contact_review": Adopted(
        needed="id tenant_id contact_id contact_name similarity_score",
        filled="tenant_id contact_id contact_name suggested_company_id empresa_id suggested_company_name "
        "similarity_score",
        types="resolved:boolean",
    ),
}
"""The tables of other systems' hands that Drena reads or writes."""
